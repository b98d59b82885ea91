//! Parses `#[index(..)]`, on a field and on a struct.
//!
//! ```text
//! on a field      words
//! on the struct   name = (part, part, ..), words          several columns
//!                 name = field.inner, words               a field within a field; also name: Type = field.inner
//!                 name: Type = path::to::function, words  computed
//! a part          field   field.inner.0   desc(part)   nocase(part)   each(part)   scale(part, 2)
//! ```
//!
//! For an index on a field, and a computed one, the words of its single column are among those of
//! the index.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Error, Ident, LitFloat, LitInt, LitStr, Member, Path, Result, Token, Type, parenthesized, token};

use super::{once, word};
use crate::diag::{Faults, nearest, unknown_word};

/// The words on a field, and of a computed index.
const OF_ONE: [&str; 6] = ["unique", "each", "nocase", "scale", "sparse", "was"];
/// The words of an index of several columns.
const OF_SEVERAL: [&str; 3] = ["unique", "sparse", "was"];
/// The words around a column.
const OF_PART: [&str; 4] = ["desc", "nocase", "each", "scale"];
const EXAMPLE: &str = "`#[index(city_age = (city, age))]`";

/// The most digits after the decimal point.
const MAX_SCALE: u32 = 28;

/// The words that apply to the whole index.
#[derive(Default)]
pub(crate) struct IndexWords {
    pub(crate) unique: Option<Ident>,
    pub(crate) sparse: Option<Ident>,
    pub(crate) was: Option<LitStr>,
    /// Whether a part was not parsed, which may have been any word.
    pub(crate) has_errors: bool,
}

/// The words that apply to one column.
#[derive(Default)]
pub(crate) struct PartSpec {
    pub(crate) each: Option<Ident>,
    pub(crate) nocase: Option<Ident>,
    pub(crate) scale: Option<(Ident, u32)>,
    pub(crate) desc: Option<Ident>,
}

/// A column in the list of an index.
pub(crate) struct IndexPart {
    pub(crate) name: Ident,
    /// The path after the field, if the column is a field of a field.
    pub(crate) path: Vec<Member>,
    /// The type at the end of the path.
    pub(crate) ty: Option<Type>,
    pub(crate) words: PartSpec,
}

impl IndexPart {
    fn of_field(name: Ident) -> Self {
        Self { name, path: Vec::new(), ty: None, words: PartSpec::default() }
    }

    /// The field and its path, as written.
    pub(crate) fn text(&self) -> String {
        let mut text = self.name.unraw().to_string();
        for member in &self.path {
            text.push('.');
            match member {
                Member::Named(name) => text.push_str(&name.unraw().to_string()),
                Member::Unnamed(index) => text.push_str(&index.index.to_string()),
            }
        }
        text
    }
}

pub(crate) struct Parts {
    /// The parentheses and their content.
    pub(crate) span: Span,
    pub(crate) list: Vec<IndexPart>,
    /// Whether all columns were parsed, so that their number is known.
    pub(crate) complete: bool,
}

/// `#[index]` on a field.
pub(crate) struct FieldIndex {
    /// The word `index`, for error spans.
    pub(crate) word: Ident,
    pub(crate) words: IndexWords,
    pub(crate) part: PartSpec,
}

/// `#[index(..)]` on a struct.
pub(crate) struct IndexAttr {
    pub(crate) name: Ident,
    pub(crate) content: Content,
    pub(crate) words: IndexWords,
}

/// The source of an index on a struct.
pub(crate) enum Content {
    Columns(Parts),
    /// A field of a field.
    Nested(Box<IndexPart>),
    Computed {
        ty: Box<Type>,
        function: Path,
        part: PartSpec,
    },
}

impl FieldIndex {
    pub(super) fn new(index: &Ident) -> Self {
        Self { word: index.clone(), words: IndexWords::default(), part: PartSpec::default() }
    }

    pub(super) fn read(&mut self, input: ParseStream<'_>, faults: &mut Faults) -> Result<()> {
        self.words.has_errors = true;
        word::no_value(input, "`#[index]` or `#[index(unique)]`")?;
        if let Some(text) = word::text_inside(input) {
            word::skip(input);
            let value = text.value();
            let message = if OF_ONE.contains(&value.as_str()) {
                format!("words are written without quotes: `#[index({value})]`")
            } else {
                format!(
                    "an index on a field is called as the field is; a name that it had before is written `was = {value:?}`"
                )
            };
            return Err(Error::new(text.span(), message));
        }
        let Self { words, part, .. } = self;
        let before = faults.len();
        word::each_inside(input, faults, |word, input, _| {
            if word == "desc" {
                return Err(Error::new(
                    word.span(),
                    "an index of one column needs no `desc`: a scan goes the other way with `.rev()`; `desc(..)` stands \
                     around one column of several",
                ));
            }
            if words.read(word, input)? || part.read(word, input)? {
                return Ok(());
            }
            Err(unknown_word(word, "`#[index(..)]` on a field", &OF_ONE))
        })?;
        self.words.has_errors = faults.len() > before;
        Ok(())
    }
}

impl IndexAttr {
    /// Parses one index of the struct; `None` when it was not understood, which has been reported.
    pub(super) fn read(index: &Ident, input: ParseStream<'_>, faults: &mut Faults) -> Result<Option<Self>> {
        word::no_value(input, EXAMPLE)?;
        if let Some(columns) = bare_columns(input) {
            word::skip(input);
            let names: Vec<String> = columns.iter().map(ToString::to_string).collect();
            let (name, list) = (names.join("_"), names.join(", "));
            return Err(Error::new(
                columns[0].span(),
                format!("an index of several columns has a name: `#[index({name} = ({list}))]`"),
            ));
        }
        let (mut named, mut complete) = (None, true);
        let (mut words, mut of_one) = (IndexWords::default(), PartSpec::default());
        let before = faults.len();
        word::each_inside(input, faults, |word, input, faults| {
            let read = read_word(word, input, &mut named, &mut words, &mut of_one, faults);
            complete &= read.is_ok();
            read
        })?;
        words.has_errors = faults.len() > before || !of_one.is_empty();
        match named {
            Some((name, Content::Computed { ty, function, .. })) => {
                Ok(Some(Self { name, content: Content::Computed { ty, function, part: of_one }, words }))
            }
            Some((name, Content::Nested(mut part))) => {
                part.words.join(of_one)?;
                Ok(Some(Self { name, content: Content::Nested(part), words }))
            }
            Some((name, content)) => {
                for word in of_one.all() {
                    faults.at(
                        word.span(),
                        format!(
                            "`{word}` stands around one of the columns: `{}`",
                            example_around_column(word)
                        ),
                    );
                }
                Ok(Some(Self { name, content, words }))
            }
            // A faulty name has been reported already.
            None if !complete => Ok(None),
            None => Err(Error::new(
                index.span(),
                format!(
                    "an index on the struct has a name and columns: {EXAMPLE}; one of one column stands on its field"
                ),
            )),
        }
    }
}

/// The names in parentheses, if there are several and none resembles a word.
fn bare_columns(input: ParseStream<'_>) -> Option<Vec<Ident>> {
    let read = |input: ParseStream<'_>| {
        let inside;
        parenthesized!(inside in input);
        inside.parse_terminated(Ident::parse_any, Token![,])
    };
    let names: Vec<Ident> = read(&input.fork()).ok()?.into_iter().collect();
    let is_column = |name: &Ident| nearest(&name.to_string(), &OF_ONE).is_none();
    (names.len() > 1 && names.iter().all(is_column)).then_some(names)
}

fn read_word(
    word: &Ident,
    input: ParseStream<'_>,
    named: &mut Option<(Ident, Content)>,
    words: &mut IndexWords,
    of_one: &mut PartSpec,
    faults: &mut Faults,
) -> Result<()> {
    let computed = input.peek(Token![:]) && !input.peek(Token![::]);
    if !computed && (words.read(word, input)? || of_one.read(word, input)?) {
        return Ok(());
    }
    // Without columns it is not a name but an unknown word.
    if !computed && (!input.peek(Token![=]) || input.peek2(syn::Lit)) {
        if named.is_none() && input.peek(token::Paren) && nearest(&word.to_string(), &OF_ONE).is_none() {
            return Err(Error::new(
                word.span(),
                format!("an index on the struct is a name and its columns: `{word} = (first, second)`"),
            ));
        }
        let is_one = |it: &Content| matches!(it, Content::Computed { .. } | Content::Nested(_));
        let words = if named.as_ref().is_some_and(|(_, it)| is_one(it)) { &OF_ONE[..] } else { &OF_SEVERAL };
        return Err(unknown_word(word, "`#[index(name = (first, second), ..)]`", words));
    }
    let content = if computed { function(word, input) } else { columns(word, input, faults) };
    let content = content.unwrap_or_else(|fault| {
        // The name of an unparsed index is known, and code that uses it gets no second error.
        faults.add(fault);
        word::skip(input);
        Content::Columns(Parts { span: word.span(), list: Vec::new(), complete: false })
    });
    if syn::parse2::<Ident>(quote::quote!(#word)).is_err() {
        return Err(Error::new(word.span(), format!("`{word}` is a keyword, which cannot name an index")));
    }
    if named.is_some() {
        return Err(Error::new(
            word.span(),
            "a second index in one `#[index(..)]`; give it an attribute of its own",
        ));
    }
    *named = Some((word.clone(), content));
    Ok(())
}

/// `: Type = path::to::function`.
fn function(word: &Ident, input: ParseStream<'_>) -> Result<Content> {
    input.parse::<Token![:]>()?;
    let expected = format!("expected a type and a function: `{word}: String = User::{word}`");
    let written = input.span();
    let ty: Type = input.parse().map_err(|_| Error::new(written, &expected))?;
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), expected));
    }
    input.parse::<Token![=]>()?;
    if input.peek(Ident::peek_any) && input.peek2(Token![.]) {
        let part = part(input)?;
        return Ok(Content::Nested(Box::new(IndexPart { ty: Some(ty), ..part })));
    }
    let expected = format!("expected the path of a function: `{word}: .. = User::{word}`");
    let written = input.span();
    let function: Path = input.parse().map_err(|_| Error::new(written, &expected))?;
    if input.peek(token::Paren) {
        return Err(input.error("the function stands here without its arguments; it is called with a row"));
    }
    Ok(Content::Computed { ty: Box::new(ty), function, part: PartSpec::default() })
}

/// `= (part, part)`.
fn columns(word: &Ident, input: ParseStream<'_>, faults: &mut Faults) -> Result<Content> {
    let expected = format!("expected the columns in parentheses: `{word} = (first, second)`");
    word::equals(word, input, &expected)?;
    if input.peek(Ident::peek_any) && (input.peek2(Token![.]) || input.peek2(token::Paren)) {
        let start = input.span();
        let part = part(input)?;
        if part.path.is_empty() {
            return Err(Error::new(start, expected));
        }
        return Ok(Content::Nested(Box::new(part)));
    }
    let (span, list, complete) = word::list(input, &expected, faults, part)?;
    Ok(Content::Columns(Parts { span, list, complete }))
}

/// A field, or one in the parentheses of a word.
fn part(input: ParseStream<'_>) -> Result<IndexPart> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error("expected the name of a field"));
    }
    let name = input.call(Ident::parse_any)?;
    if !input.peek(token::Paren) {
        let mut part = IndexPart::of_field(name);
        while input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            member(input, &mut part.path)?;
        }
        word::end(input)?;
        return Ok(part);
    }
    if !OF_PART.contains(&name.to_string().as_str()) {
        return Err(unknown_word(&name, "a column of an index", &OF_PART));
    }
    let inside;
    parenthesized!(inside in input);
    let mut part = if name == "scale" { scaled(&name, &inside)? } else { self::part(&inside)? };
    if !inside.is_empty() {
        return Err(inside.error(format!("one column stands in `{name}(..)`")));
    }
    match name.to_string().as_str() {
        "desc" => once(&mut part.words.desc, &name, name.clone())?,
        "nocase" => once(&mut part.words.nocase, &name, name.clone())?,
        "each" => once(&mut part.words.each, &name, name.clone())?,
        _ => (),
    }
    word::end(input)?;
    Ok(part)
}

/// A name or a number after a dot. Two numbers with a dot between them are one token.
fn member(input: ParseStream<'_>, path: &mut Vec<Member>) -> Result<()> {
    let span = input.span();
    let index = |digits: &str| -> Result<Member> {
        let index =
            digits.parse().map_err(|_| Error::new(span, "expected the name or the number of a field"))?;
        Ok(Member::Unnamed(syn::Index { index, span }))
    };
    if input.peek(LitFloat) {
        let numbers: LitFloat = input.parse()?;
        for digits in numbers.to_string().split('.') {
            path.push(index(digits)?);
        }
    } else if input.peek(LitInt) {
        let number: LitInt = input.parse()?;
        path.push(index(number.base10_digits())?);
    } else if input.peek(Ident::peek_any) {
        path.push(Member::Named(input.call(Ident::parse_any)?));
    } else {
        return Err(input.error("expected the name or the number of a field"));
    }
    Ok(())
}

/// `price, 2` in `scale(..)`.
fn scaled(word: &Ident, input: ParseStream<'_>) -> Result<IndexPart> {
    let expected = "expected a column and its digits after the point: `scale(price, 2)`";
    let mut part = part(input)?;
    if !input.peek(Token![,]) {
        return Err(Error::new(word.span(), expected));
    }
    input.parse::<Token![,]>()?;
    let digits = digits(input, expected)?;
    once(&mut part.words.scale, word, (word.clone(), digits))?;
    Ok(part)
}

fn digits(input: ParseStream<'_>, expected: &str) -> Result<u32> {
    if !input.peek(LitInt) {
        return Err(input.error(expected));
    }
    let number: LitInt = input.parse()?;
    number.base10_parse().ok().filter(|digits| *digits <= MAX_SCALE).ok_or_else(|| {
        Error::new(number.span(), format!("a decimal has 0 to {MAX_SCALE} digits after its point"))
    })
}

impl IndexWords {
    /// Parses the word if it is one of an index; returns whether it is.
    fn read(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "unique" => flag(&mut self.unique, word, input)?,
            "sparse" => flag(&mut self.sparse, word, input)?,
            "was" => once(&mut self.was, word, word::text(word, input)?)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl PartSpec {
    /// Parses the word if it is one of a single column; returns whether it is.
    fn read(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool> {
        match word.to_string().as_str() {
            "each" => flag(&mut self.each, word, input)?,
            "nocase" => flag(&mut self.nocase, word, input)?,
            "scale" => {
                let expected = "expected the digits after the point: `scale = 2`";
                word::equals(word, input, expected)?;
                let digits = digits(input, expected)?;
                once(&mut self.scale, word, (word.clone(), digits))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The words that are set.
    fn all(&self) -> impl Iterator<Item = &Ident> {
        let scale = self.scale.as_ref().map(|(word, _)| word);
        [self.each.as_ref(), self.nocase.as_ref(), scale, self.desc.as_ref()].into_iter().flatten()
    }

    /// Adds the words that are written outside of the column.
    fn join(&mut self, others: Self) -> Result<()> {
        let Self { each, nocase, scale, desc } = others;
        for (slot, word) in [(&mut self.each, each), (&mut self.nocase, nocase), (&mut self.desc, desc)] {
            if let Some(word) = word {
                once(slot, &word, word.clone())?;
            }
        }
        match scale {
            Some((word, digits)) => once(&mut self.scale, &word.clone(), (word, digits)),
            None => Ok(()),
        }
    }

    /// Whether the value is stored without a change.
    pub(crate) fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }
}

fn flag(slot: &mut Option<Ident>, word: &Ident, input: ParseStream<'_>) -> Result<()> {
    word::no_value(input, &format!("`{word}` alone"))?;
    if input.peek(token::Paren) {
        return Err(Error::new(word.span(), format!("`{word}` stands alone here")));
    }
    once(slot, word, word.clone())
}

fn example_around_column(word: &Ident) -> &'static str {
    if word == "scale" {
        "scale(price, 2)"
    } else if word == "each" {
        "each(tags)"
    } else {
        "nocase(name)"
    }
}
