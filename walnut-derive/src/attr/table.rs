//! The attributes of a struct.

use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Attribute, Error, Ident, LitInt, LitStr, Path, Result, Token, Type, token};

use super::index::IndexAttr;
use super::word::{self, Columns};
use super::{Foreign, crate_path, each_attribute, once};
use crate::diag::{Faults, nearest, unknown_word};

const IN_TABLE: [&str; 6] = ["name", "primary_key", "version", "migrate_from", "history", "crate"];
/// Words of other attributes.
const ELSEWHERE: [&str; 5] = ["auto", "skip", "index", "unique", "table"];
const IN_WALNUT: [&str; 3] = ["table", "index", "crate"];

#[derive(Default)]
pub(crate) struct TableAttrs {
    pub(crate) name: Option<LitStr>,
    pub(crate) primary_key: Option<Columns>,
    pub(crate) krate: Option<Path>,
    pub(crate) version: Option<Version>,
    /// The struct of the previous version.
    pub(crate) migrate_from: Option<(Ident, Type)>,
    pub(crate) history: Option<()>,
    /// In source order.
    pub(crate) indexes: Vec<IndexAttr>,
}

/// `version = 2`.
pub(crate) struct Version {
    pub(crate) span: Span,
    pub(crate) number: u32,
}

impl TableAttrs {
    pub(crate) fn of(attrs: &[Attribute], foreign: &Foreign, faults: &mut Faults) -> Self {
        let mut table = Self::default();
        each_attribute(attrs, foreign, faults, |word, long, input, faults| match word.to_string().as_str() {
            "table" => table.read_table(word, input, faults),
            "index" => {
                table.indexes.extend(IndexAttr::read(word, input, faults)?);
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
        if let Some(text) = word::text_inside(input) {
            word::skip(input);
            return Err(Error::new(
                text.span(),
                format!("the table's name is written `#[table(name = {:?})]`", text.value()),
            ));
        }
        word::each_inside(input, faults, |word, input, faults| match word.to_string().as_str() {
            "name" => once(&mut self.name, word, word::text(word, input)?),
            "primary_key" => {
                let expected = "expected the columns in parentheses: `primary_key = (first, second)`";
                word::equals(word, input, expected)?;
                let columns = word::columns(input, expected, faults);
                let unreadable = || Columns { span: word.span(), names: Vec::new(), complete: false };
                // An unparsed key is still there, and is not reported as missing.
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
            // A bare word that resembles none of ours is likely the table's name.
            other if ends(input) && nearest(other, &IN_TABLE).is_none() && !ELSEWHERE.contains(&other) => {
                Err(Error::new(
                    word.span(),
                    format!("unknown word `{word}`; the table's name is written `name = \"{word}\"`"),
                ))
            }
            _ => Err(unknown_word(word, "`#[table(..)]`", &IN_TABLE)),
        })
    }
}

/// Whether the word that was read ends here.
fn ends(input: ParseStream<'_>) -> bool {
    input.is_empty() || input.peek(Token![,])
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
