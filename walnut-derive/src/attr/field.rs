//! The attributes of a field.

use syn::parse::ParseStream;
use syn::{Attribute, Error, Ident, Result, token};

use super::index::FieldIndex;
use super::{Foreign, each_attribute, once, word};
use crate::diag::{Faults, unknown_word};

const IN_WALNUT: [&str; 3] = ["primary_key", "index", "table"];
const IN_PRIMARY_KEY: [&str; 1] = ["auto"];
const IN_TABLE: [&str; 1] = ["skip"];

/// The words of `#[table(..)]` on the struct, explained when they are written on a field.
const ON_THE_STRUCT: [&str; 6] = ["name", "primary_key", "crate", "version", "history", "migrate_from"];

#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// The word itself, for error spans.
    pub(crate) primary_key: Option<Ident>,
    /// Whether keys are generated.
    pub(crate) auto: Option<Ident>,
    /// Whether a word was not understood that may have been `auto`.
    pub(crate) key_has_errors: bool,
    pub(crate) index: Option<FieldIndex>,
    /// Whether the field is left out of the stored row.
    pub(crate) skip: Option<Ident>,
}

impl FieldAttrs {
    pub(crate) fn of(attrs: &[Attribute], foreign: &Foreign, faults: &mut Faults) -> Self {
        let mut field = Self::default();
        each_attribute(attrs, foreign, faults, |word, _, input, faults| match word.to_string().as_str() {
            "primary_key" => {
                let read = field.read_primary_key(input, faults);
                once(&mut field.primary_key, word, word.clone())?;
                read
            }
            "index" => {
                if field.index.is_some() {
                    return Err(Error::new(
                        word.span(),
                        "a second `#[index]`; a field has one, and more stand on the struct as \
                         `#[index(name = (first, second))]`",
                    ));
                }
                // An index with faults is an index all the same.
                field.index.insert(FieldIndex::new(word)).read(input, faults)
            }
            "table" => field.read_table(word, input, faults),
            _ => Err(unknown_word(word, "`#[walnut(..)]` on a field", &IN_WALNUT)),
        });
        field
    }

    fn read_primary_key(&mut self, input: ParseStream<'_>, faults: &mut Faults) -> Result<()> {
        self.key_has_errors = true;
        word::no_value(input, "`#[primary_key]` or `#[primary_key(auto)]`")?;
        let before = faults.len();
        word::each_inside(input, faults, |word, input, _| match word.to_string().as_str() {
            "auto" => {
                word::no_value(input, "`auto` alone")?;
                once(&mut self.auto, word, word.clone())
            }
            _ => Err(unknown_word(word, "`#[primary_key(..)]`", &IN_PRIMARY_KEY)),
        })?;
        self.key_has_errors = faults.len() > before;
        Ok(())
    }

    fn read_table(&mut self, table: &Ident, input: ParseStream<'_>, faults: &mut Faults) -> Result<()> {
        if !input.peek(token::Paren) {
            return Err(Error::new(
                table.span(),
                "`table` stands on the struct, and on a field as `#[table(skip)]`",
            ));
        }
        word::each_inside(input, faults, |word, input, _| match word.to_string().as_str() {
            "skip" => {
                word::no_value(input, "`skip` alone")?;
                once(&mut self.skip, word, word.clone())
            }
            known if ON_THE_STRUCT.contains(&known) => {
                Err(Error::new(word.span(), format!("`{word}` stands on the struct")))
            }
            _ => Err(unknown_word(word, "`#[table(..)]` on a field", &IN_TABLE)),
        })
    }
}
