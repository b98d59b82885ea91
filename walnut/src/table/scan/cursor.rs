//! Pages of a scan, and the cursors that say where the next one begins.
//!
//! ```text
//!   text   hexadecimal digits of:
//!   bytes  form 1 | direction | table | index | counts | place | CRC-32 of what is before
//! ```
//!
//! `table`, `index` and `place` have their length in front, as a varint; `counts` their number.
//! `index` is empty for a scan by primary key. `place` is a bound in the bytes of the index,
//! without the id of its keyspace: the rest of the scan is from it on, or before it when the
//! direction is backward. `counts` are what `skip` and `limit` have left, in their order.
//!
//! 1. A cursor is refused by every scan but one over the same index, in the same direction, with as
//!    many counts.
//! 2. It holds no number of an entry: what is written or removed meanwhile moves nothing that was
//!    there before.

use std::fmt;
use std::str::FromStr;

use crate::codec::{Reader, Writer, crc32};
use crate::error::{CursorError, Error, Fault, Result};
use crate::table::key::MAX_KEY_SIZE;

/// The version of this form.
const FORM: u8 = 1;

/// The most bytes that a cursor has: the longest entry of an index, names, counts.
const MAX_SIZE: usize = 2 * MAX_KEY_SIZE + 1024;

/// The most counts: a scan with more `skip` and `limit` than this has no pages.
pub(super) const MAX_COUNTS: usize = 16;

/// Some rows of a scan, and where the next page begins; returned by
/// [`Scan::page`](super::Scan::page).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The rows, in the order of the scan.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` when there were no more rows.
    pub next: Option<Cursor>,
}

/// The position in a scan at which a page has ended; the next page begins there.
///
/// It belongs to a table, an index of it and a direction, and any other scan refuses it with
/// [`Error::Cursor`](crate::Error::Cursor). It keeps nothing open and does not age: it may be used
/// again, at any time, and after a restart.
///
/// It can be turned into text and back, to be sent to a client. Text that was cut or changed is an
/// error. The text is not encrypted: it contains the index's value of a row, so a client that may
/// not see that value may not see the cursor. It is not signed either: a client that forges one can
/// read other parts of the same scan, and nothing else.
///
/// ```
/// # use serde::{Deserialize, Serialize};
/// # use walnut::{Database, Table};
/// # #[derive(Table, Serialize, Deserialize)]
/// # struct User { #[primary_key] id: u64, #[index] age: u8 }
/// # let users = Database::in_memory()?.table::<User>()?;
/// users.insert_many(&[User { id: 1, age: 30 }, User { id: 2, age: 18 }, User { id: 3, age: 65 }])?;
/// let page = users.by().age.range(18..).page(2, None)?;
/// assert_eq!(page.rows.iter().map(|user| user.id).collect::<Vec<_>>(), [2, 1]);
///
/// let text = page.next.expect("there is one more").to_string();
/// let page = users.by().age.range(18..).page(2, Some(text.parse()?))?;
/// assert_eq!(page.rows.iter().map(|user| user.id).collect::<Vec<_>>(), [3]);
/// assert_eq!(page.next, None);
/// # Ok::<(), walnut::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(super) owner: Owner,
    pub(super) counts: Vec<u64>,
    pub(super) position: Vec<u8>,
}

/// The scan that a cursor belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Owner {
    pub(super) table: String,
    /// Empty for the primary key.
    pub(super) index: String,
    pub(super) backward: bool,
}

impl Cursor {
    /// An error unless the cursor belongs to this scan, which has so many counts.
    pub(super) fn ensure_of(&self, scan: &Owner, counts: usize) -> Result<()> {
        if self.owner != *scan {
            let (cursor, scan) = (self.owner.to_string(), scan.to_string());
            return Err(Error::Cursor(CursorError::Foreign { cursor, scan }));
        }
        if self.counts.len() == counts { Ok(()) } else { Err(Error::Cursor(CursorError::Counts)) }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FORM, u8::from(self.owner.backward)];
        bytes.put_prefixed(self.owner.table.as_bytes());
        bytes.put_prefixed(self.owner.index.as_bytes());
        bytes.put_varint(self.counts.len() as u64);
        self.counts.iter().for_each(|&count| bytes.put_varint(count));
        bytes.put_prefixed(&self.position);
        let crc = crc32(0, &bytes);
        bytes.put_u32(crc);
        bytes
    }

    fn of_bytes(bytes: &[u8]) -> Result<Self, Fault> {
        let (body, crc) = bytes.split_last_chunk().ok_or(Fault::Truncated)?;
        let (stored, computed) = (u32::from_le_bytes(*crc), crc32(0, body));
        if stored != computed {
            return Err(Fault::Checksum { stored, computed });
        }
        let mut reader = Reader::new(body);
        if reader.u8()? != FORM {
            return Err(Fault::Invalid("form"));
        }
        let backward = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(Fault::Invalid("direction")),
        };
        let table = text(reader.prefixed()?)?;
        let index = text(reader.prefixed()?)?;
        let count = reader.varint()?;
        if count > MAX_COUNTS as u64 {
            return Err(Fault::Invalid("counts"));
        }
        let counts = (0..count).map(|_| reader.varint()).collect::<Result<_, _>>()?;
        let position = reader.prefixed()?.to_vec();
        reader.finish()?;
        Ok(Self { owner: Owner { table, index, backward }, counts, position })
    }
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Fault::Invalid("name"))
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.backward { "backward" } else { "forward" };
        match &*self.index {
            "" => write!(f, "table {:?} by primary key, {direction}", self.table),
            index => write!(f, "table {:?} by index {index:?}, {direction}", self.table),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// The cursor of which this is the text; [`Error::Cursor`](crate::Error::Cursor) when it is no
    /// such text. Nothing that is too long is even looked at.
    fn from_str(text: &str) -> Result<Self> {
        let malformed = || Error::Cursor(CursorError::Malformed);
        if text.len() > 2 * MAX_SIZE || !text.len().is_multiple_of(2) {
            return Err(malformed());
        }
        let digits = text.as_bytes().chunks_exact(2);
        let bytes: Option<Vec<u8>> =
            digits.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
        let cursor = bytes.and_then(|bytes| Self::of_bytes(&bytes).ok());
        cursor.ok_or_else(malformed)
    }
}

/// The value of a hexadecimal digit. Capitals are none, so that a cursor has one text.
fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cursors() -> impl Strategy<Value = Cursor> {
        let owner = (".{0,20}", ".{0,20}", any::<bool>());
        let owner = owner.prop_map(|(table, index, backward)| Owner { table, index, backward });
        let counts = prop::collection::vec(any::<u64>(), 0..=MAX_COUNTS);
        let position = prop::collection::vec(any::<u8>(), 0..60);
        (owner, counts, position).prop_map(|(owner, counts, position)| Cursor { owner, counts, position })
    }

    fn is_malformed(text: &str) -> bool {
        matches!(text.parse::<Cursor>(), Err(Error::Cursor(CursorError::Malformed)))
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_from_its_text(cursor in cursors()) {
            prop_assert_eq!(cursor.to_string().parse::<Cursor>().expect("it is its text"), cursor);
        }

        #[test]
        fn a_text_that_was_cut_or_changed_is_refused(cursor in cursors(), position: prop::sample::Index, letter in "[0-9a-fA-Z ]") {
            let text = cursor.to_string();
            let position = position.index(text.len());
            prop_assert!(is_malformed(&text[..position]));
            let changed = format!("{}{letter}{}", &text[..position], &text[position + 1..]);
            prop_assert!(changed == text || is_malformed(&changed));
        }

        #[test]
        fn hostile_text_is_refused(text in "\\PC{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(is_malformed(&text));
            let mut sealed = bytes.clone();
            sealed.put_u32(crc32(0, &bytes));
            // What has the right checksum may be anything, but is read without a panic and has one
            // form.
            if let Ok(cursor) = Cursor::of_bytes(&sealed) {
                prop_assert_eq!(cursor.bytes(), sealed);
            }
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_refused() {
        assert!(is_malformed(&"00".repeat(MAX_SIZE + 1)));
        assert!(is_malformed(""));
    }
}
