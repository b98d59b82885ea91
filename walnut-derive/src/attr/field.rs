//! The attributes on a field.

use syn::parse::ParseStream;
use syn::{Attribute, Error, Ident, Result};

use super::{Foreign, each_attribute, once, word};
use crate::diag::{Faults, unknown_word};

const IN_INDEX: [&str; 1] = ["unique"];
const IN_WALNUT: [&str; 2] = ["primary_key", "index"];

/// What stands on a field.
#[derive(Default)]
pub(crate) struct FieldAttrs {
    /// The word itself, to be underlined.
    pub(crate) primary_key: Option<Ident>,
    pub(crate) index: Option<FieldIndex>,
}

/// `#[index]` or `#[index(unique)]`.
pub(crate) struct FieldIndex {
    /// The word `index`, to be underlined.
    pub(crate) word: Ident,
    pub(crate) unique: bool,
}

impl FieldAttrs {
    pub(crate) fn of(attrs: &[Attribute], foreign: &Foreign, faults: &mut Faults) -> Self {
        let mut field = Self::default();
        each_attribute(attrs, foreign, faults, |word, _, input, faults| match word.to_string().as_str() {
            "primary_key" => {
                let read = primary_key(input, faults);
                once(&mut field.primary_key, word, word.clone())?;
                read
            }
            "index" => {
                let unique = index(input, faults)?;
                if field.index.is_some() {
                    return Err(Error::new(
                        word.span(),
                        "a second `#[index]`; a field has one, and more stand on the struct as \
                         `#[index(name = (first, second))]`",
                    ));
                }
                field.index = Some(FieldIndex { word: word.clone(), unique });
                Ok(())
            }
            "table" => Err(Error::new(word.span(), "`table` stands on the struct")),
            _ => Err(unknown_word(word, "`#[walnut(..)]` on a field", &IN_WALNUT)),
        });
        field
    }
}

fn primary_key(input: ParseStream<'_>, faults: &mut Faults) -> Result<()> {
    word::no_value(input, "`#[primary_key]` alone")?;
    word::each_inside(input, faults, |word, _, _| Err(unknown_word(word, "`#[primary_key]`", &[])))
}

/// Whether the index is unique.
fn index(input: ParseStream<'_>, faults: &mut Faults) -> Result<bool> {
    word::no_value(input, "`#[index]` or `#[index(unique)]`")?;
    let mut unique = None;
    word::each_inside(input, faults, |word, input, _| match word.to_string().as_str() {
        "unique" => {
            word::no_value(input, "`unique` alone")?;
            once(&mut unique, word, ())
        }
        _ => Err(unknown_word(word, "`#[index(..)]` on a field", &IN_INDEX)),
    })?;
    Ok(unique.is_some())
}
