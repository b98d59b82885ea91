//! The attributes on a struct.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Attribute, Error, Ident, LitInt, LitStr, Path, Result, Type, token};

use super::word::{self, Columns};
use super::{Foreign, crate_path, each_attribute, once};
use crate::diag::{Faults, unknown_word};

const IN_TABLE: [&str; 6] = ["name", "primary_key", "version", "migrate_from", "history", "crate"];
const IN_INDEX: [&str; 1] = ["unique"];
const IN_WALNUT: [&str; 3] = ["table", "index", "crate"];
const INDEX_EXAMPLE: &str = "`#[index(city_age = (city, age))]`";

/// What stands on the struct.
#[derive(Default)]
pub(crate) struct TableAttrs {
    pub(crate) name: Option<LitStr>,
    pub(crate) primary_key: Option<Columns>,
    pub(crate) krate: Option<Path>,
    pub(crate) version: Option<Version>,
    /// The struct of the layout before.
    pub(crate) migrate_from: Option<(Ident, Type)>,
    pub(crate) history: Option<()>,
    /// In the order in which they are written.
    pub(crate) indexes: Vec<IndexAttr>,
}

/// `version = 2`.
pub(crate) struct Version {
    pub(crate) span: Span,
    pub(crate) number: u32,
}

/// `#[index(name = (first, second), unique)]`.
pub(crate) struct IndexAttr {
    pub(crate) name: Ident,
    pub(crate) columns: Columns,
    pub(crate) unique: bool,
}

impl TableAttrs {
    pub(crate) fn of(attrs: &[Attribute], foreign: &Foreign, faults: &mut Faults) -> Self {
        let mut table = Self::default();
        each_attribute(attrs, foreign, faults, |word, long, input, faults| match word.to_string().as_str() {
            "table" => table.read_table(word, input, faults),
            "index" => {
                table.indexes.extend(index(word, input, faults)?);
                Ok(())
            }
            "crate" if long => once(&mut table.krate, word, crate_path(word, input)?),
            "primary_key" => Err(Error::new(
                word.span(),
                "`primary_key` stands on a field; for a key of several columns write \
                 `#[table(primary_key = (first, second))]`",
            )),
            _ => Err(unknown_word(word, "`#[walnut(..)]` on a struct", &IN_WALNUT)),
        });
        table
    }

    fn read_table(&mut self, table: &Ident, input: ParseStream<'_>, faults: &mut Faults) -> Result<()> {
        if !input.peek(token::Paren) {
            return Err(Error::new(table.span(), "expected words: `#[table(name = \"..\")]`"));
        }
        word::each_inside(input, faults, |word, input, faults| match word.to_string().as_str() {
            "name" => once(&mut self.name, word, word::text(word, input)?),
            "primary_key" => {
                let expected = "expected the columns in parentheses: `primary_key = (first, second)`";
                word::equals(word, input, expected)?;
                let columns = word::columns(input, expected, faults);
                let unreadable = || Columns { span: word.span(), names: Vec::new(), complete: false };
                // Unreadable it is still given, and nobody is to be told that it is missing.
                let (columns, fault) =
                    columns.map_or_else(|fault| (unreadable(), Err(fault)), |it| (it, Ok(())));
                once(&mut self.primary_key, word, columns).and(fault)
            }
            "version" => once(&mut self.version, word, version(word, input)?),
            "migrate_from" => {
                let expected = "expected the struct of the layout before: `migrate_from = UserV1`";
                word::equals(word, input, expected)?;
                let written = input.span();
                let old = input.parse().map_err(|_| Error::new(written, expected))?;
                once(&mut self.migrate_from, word, (word.clone(), old))
            }
            "history" => {
                word::no_value(input, "`history` alone")?;
                once(&mut self.history, word, ())
            }
            "crate" => once(&mut self.krate, word, crate_path(word, input)?),
            _ => Err(unknown_word(word, "`#[table(..)]`", &IN_TABLE)),
        })
    }
}

fn version(word: &Ident, input: ParseStream<'_>) -> Result<Version> {
    let expected = "expected a number from 1 on: `version = 2`";
    word::equals(word, input, expected)?;
    let span = input.span();
    let number = input.parse().and_then(|number: LitInt| number.base10_parse());
    match number {
        Ok(number) if number > 0 => Ok(Version { span, number }),
        _ => Err(Error::new(span, expected)),
    }
}

/// One index of several columns; none when its name is missing, which has been noted then.
fn index(index: &Ident, input: ParseStream<'_>, faults: &mut Faults) -> Result<Option<IndexAttr>> {
    word::no_value(input, INDEX_EXAMPLE)?;
    let (mut columns, mut unique, mut complete) = (None, None, true);
    word::each_inside(input, faults, |word, input, faults| {
        let read = read_index_word(word, input, &mut columns, &mut unique, faults);
        complete &= read.is_ok();
        read
    })?;
    match columns {
        Some((name, columns)) => Ok(Some(IndexAttr { name, columns, unique: unique.is_some() })),
        // Something was meant to be the name, and that has been complained about.
        None if !complete => Ok(None),
        None => Err(Error::new(
            index.span(),
            format!(
                "an index on the struct has a name and columns: {INDEX_EXAMPLE}; one of one column stands on its field"
            ),
        )),
    }
}

fn read_index_word(
    word: &Ident,
    input: ParseStream<'_>,
    columns: &mut Option<(Ident, Columns)>,
    unique: &mut Option<()>,
    faults: &mut Faults,
) -> Result<()> {
    if word == "unique" {
        word::no_value(input, "`unique` alone; an index cannot have this name")?;
        return once(unique, word, ());
    }
    // What has no columns behind it is no name but a word, and there is no such word.
    if !input.peek(syn::Token![=]) || input.peek2(syn::Lit) {
        return Err(unknown_word(word, "`#[index(name = (first, second), ..)]`", &IN_INDEX));
    }
    let expected = format!("expected the columns in parentheses: `{word} = (first, second)`");
    word::equals(word, input, &expected)?;
    let list = word::columns(input, &expected, faults)?;
    if syn::parse2::<Ident>(quote::quote!(#word)).is_err() {
        return Err(Error::new(word.span(), format!("`{word}` is a keyword, which cannot name an index")));
    }
    if columns.is_some() {
        return Err(Error::new(
            word.span(),
            "a second index in one `#[index(..)]`; give it an attribute of its own",
        ));
    }
    *columns = Some((word.clone(), list));
    Ok(())
}
