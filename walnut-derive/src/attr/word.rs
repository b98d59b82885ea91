//! The grammar that all attributes share: words separated by commas, each parsed on its own.
//!
//! ```text
//! #[table(name = "users", primary_key = (tenant, id))]
//!         ~~~~~~~~~~~~~~  ~~~~~~~~~~~~~~~~~~~~~~~~~~   two words; a fault in one does not affect the other
//! ```
//!
//! A new word is a new arm in the closure of the attribute that allows it, and a new name in that
//! attribute's list.

use proc_macro2::{Span, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Ident, LitStr, Result, Token, parenthesized, token};

use crate::diag::Faults;

/// Calls `read` after each word, to parse what belongs to it. A fault is reported, and parsing
/// continues after the next comma.
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
        skip_comma(input);
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

/// Continues after the next comma.
fn skip_comma(input: ParseStream<'_>) {
    skip(input);
    let _comma: Result<Token![,]> = input.parse();
}

/// Continues at the next comma.
pub(super) fn skip(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // A non-empty input has a token tree to read.
        let _passed: Result<TokenTree> = input.parse();
    }
}

/// Checks that nothing more belongs to the word.
pub(super) fn end(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) { Ok(()) } else { Err(input.error("expected a comma")) }
}

/// Parses the words in parentheses after a word, if there are any.
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

/// The string in parentheses after a word, if it is the only content.
pub(super) fn text_inside(input: ParseStream<'_>) -> Option<LitStr> {
    let read = |input: ParseStream<'_>| {
        let inside;
        parenthesized!(inside in input);
        let text: LitStr = inside.parse()?;
        if inside.is_empty() { Ok(text) } else { Err(inside.error("more")) }
    };
    read(&input.fork()).ok()
}

/// Refuses a value after a word that takes none.
pub(super) fn no_value(input: ParseStream<'_>, expected: &str) -> Result<()> {
    if input.peek(Token![=]) { Err(input.error(format!("expected {expected}"))) } else { Ok(()) }
}

/// `= "text"`.
pub(super) fn text(word: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    let expected = || format!("expected a string: `{word} = \"..\"`");
    equals(word, input, &expected())?;
    if input.peek(LitStr) { input.parse() } else { Err(input.error(expected())) }
}

/// `=`; the word is underlined when it is missing.
pub(super) fn equals(word: &Ident, input: ParseStream<'_>, expected: &str) -> Result<()> {
    if input.peek(Token![=]) {
        input.parse::<Token![=]>().map(drop)
    } else {
        Err(Error::new(word.span(), expected))
    }
}

/// A list of columns in parentheses.
pub(crate) struct Columns {
    /// The parentheses and their content.
    pub(crate) span: Span,
    pub(crate) names: Vec<Ident>,
    /// Whether all names were parsed, so that their number is known.
    pub(crate) complete: bool,
}

/// `(first, second)`.
pub(super) fn columns(input: ParseStream<'_>, expected: &str, faults: &mut Faults) -> Result<Columns> {
    let (span, names, complete) = list(input, expected, faults, column)?;
    Ok(Columns { span, names, complete })
}

/// Parses a list in parentheses: its span, the parsed items, and whether all items were parsed.
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
        skip_comma(&inside);
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
