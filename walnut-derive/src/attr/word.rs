//! The form that all attributes share: words with commas between them, each read by itself.
//!
//! ```text
//! #[table(name = "users", primary_key = (tenant, id))]
//!         ~~~~~~~~~~~~~~  ~~~~~~~~~~~~~~~~~~~~~~~~~~   two words; a fault in one leaves the other standing
//! ```
//!
//! A new word is a new arm in the closure of the place where it is allowed, and its name in that place's list.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Ident, LitStr, Result, Token, parenthesized, token};

use crate::diag::Faults;

/// Calls `read` behind each word, to read what belongs to it. What is wrong with one word is noted, and reading
/// goes on behind the next comma.
pub(super) fn each(
    input: ParseStream<'_>,
    faults: &mut Faults,
    mut read: impl FnMut(&Ident, ParseStream<'_>, &mut Faults) -> Result<()>,
) {
    while !input.is_empty() {
        let outcome = one(input, faults, &mut read);
        if let Err(fault) = outcome {
            faults.add(fault);
        }
        pass(input);
    }
}

fn one(
    input: ParseStream<'_>,
    faults: &mut Faults,
    read: &mut impl FnMut(&Ident, ParseStream<'_>, &mut Faults) -> Result<()>,
) -> Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected a word"));
    }
    let word = input.call(Ident::parse_any)?;
    read(&word, input, faults)?;
    end(input)
}

/// Goes on behind the next comma.
fn pass(input: ParseStream<'_>) {
    skip(input);
    let _comma: Result<Token![,]> = input.parse();
}

/// Goes on at the next comma.
pub(super) fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Where the input is not empty, there is a token tree to read.
        let _passed: Result<TokenTree> = input.parse();
    }
}

/// Nothing more belongs to the word.
pub(super) fn end(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) { Ok(()) } else { Err(input.error("expected a comma")) }
}

/// The words in parentheses behind a word; none when it is alone.
pub(super) fn each_inside(
    input: ParseStream<'_>,
    faults: &mut Faults,
    read: impl FnMut(&Ident, ParseStream<'_>, &mut Faults) -> Result<()>,
) -> Result<()> {
    if input.peek(token::Paren) {
        let inside;
        parenthesized!(inside in input);
        each(&inside, faults, read);
    }
    Ok(())
}

/// The text that stands in parentheses behind a word, alone.
pub(super) fn text_inside(input: ParseStream<'_>) -> Option<LitStr> {
    let read = |input: ParseStream<'_>| {
        let inside;
        parenthesized!(inside in input);
        let text: LitStr = inside.parse()?;
        if inside.is_empty() { Ok(text) } else { Err(inside.error("more")) }
    };
    read(&input.fork()).ok()
}

/// Refuses a value behind a word that has none.
pub(super) fn no_value(input: ParseStream<'_>, expected: &str) -> Result<()> {
    if input.peek(Token![=]) { Err(input.error(format!("expected {expected}"))) } else { Ok(()) }
}

/// `= "text"`.
pub(super) fn text(word: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    let expected = || format!("expected a string: `{word} = \"..\"`");
    equals(word, input, &expected())?;
    if input.peek(LitStr) { input.parse() } else { Err(input.error(expected())) }
}

/// `=`; where it is missing the word is underlined.
pub(super) fn equals(word: &Ident, input: ParseStream<'_>, expected: &str) -> Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>().map(drop)
    } else {
        Err(Error::new(word.span(), expected))
    }
}

/// A list of columns in parentheses.
pub(crate) struct Columns {
    /// The parentheses and all that is in them.
    pub(crate) span: Span,
    pub(crate) names: Vec<Ident>,
    /// No name was unreadable, so that their number means something.
    pub(crate) complete: bool,
}

/// `(first, second)`.
pub(super) fn columns(input: ParseStream<'_>, expected: &str, faults: &mut Faults) -> Result<Columns> {
    let (span, names, complete) = list(input, expected, faults, column)?;
    Ok(Columns { span, names, complete })
}

/// A list in parentheses: where it is, what could be read of it, and whether that is everything.
pub(super) fn list<T>(
    input: ParseStream<'_>,
    expected: &str,
    faults: &mut Faults,
    read: impl Fn(ParseStream<'_>) -> Result<T>,
) -> Result<(Span, Vec<T>, bool)> {
    if !input.peek(token::Paren) {
        return Err(input.error(expected));
    }
    let inside;
    let parens = parenthesized!(inside in input);
    let (mut items, mut complete) = (Vec::new(), true);
    while !inside.is_empty() {
        match read(&inside) {
            Ok(item) => items.push(item),
            Err(fault) => {
                complete = false;
                faults.add(fault);
            }
        }
        pass(&inside);
    }
    Ok((parens.span.join(), items, complete))
}

fn column(input: ParseStream<'_>) -> Result<Ident> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected the name of a field"));
    }
    let name = input.call(Ident::parse_any)?;
    if input.peek(token::Paren) {
        return Err(Error::new(
            name.span(),
            format!("unknown word `{name}`; a column of a primary key is the bare name of a field"),
        ));
    }
    end(input)?;
    Ok(name)
}
