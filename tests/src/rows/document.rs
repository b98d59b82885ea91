//! A table whose key is text and bytes.

use serde::{Deserialize, Serialize};
use walnut::{Access, DefaultTable, Result, Table, WriteAccess};

use super::{Row, TEXTS, Value, Valued, Via, number};
use crate::query::{Answer, Narrow, Shape};
use crate::random::Random;

/// A row whose key is text and bytes.
#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "documents", primary_key = (folder, name))]
pub struct Document {
    /// The key's first column.
    pub folder: String,
    /// The key's second column.
    pub name: Vec<u8>,
    /// A number with a sign.
    #[index]
    pub size: i64,
    /// Unique where there is one.
    #[index(unique)]
    pub digest: Option<[u8; 4]>,
    /// An enum.
    #[index]
    pub kind: Kind,
}

/// What a document is.
#[derive(walnut::Key, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Comes second.
    Text = 7,
    /// Comes first.
    Image = 3,
    /// Comes last.
    Sound = 300,
}

impl Valued for Kind {
    fn value(&self) -> Value {
        Value::Number(*self as i128)
    }
}

impl Row for Document {
    fn draw(random: &mut Random) -> Self {
        Self {
            folder: (*random.pick(&TEXTS[..4])).to_owned(),
            name: random.pick(&TEXTS[1..6]).as_bytes().to_vec(),
            size: number::<i64>(random, 7) - 3,
            digest: (!random.one_in(3)).then(|| [0, 255, number(random, 2), number(random, 8)]),
            kind: *random.pick(&[Kind::Text, Kind::Image, Kind::Sound]),
        }
    }

    fn primary_key(&self) -> (String, Vec<u8>) {
        (self.folder.clone(), self.name.clone())
    }

    fn point(key: &(String, Vec<u8>)) -> (&str, &[u8]) {
        (&key.0, &key.1)
    }

    fn indexed(&self, index: &str) -> Value {
        match index {
            "size" => self.size.value(),
            "digest" => self.digest.value(),
            "kind" => self.kind.value(),
            other => panic!("no index {other}"),
        }
    }

    fn absorb(&mut self, donor: &Self, fields: u32) {
        let has = |bit: u32| fields & (1 << bit) != 0;
        if has(0) {
            self.folder.clone_from(&donor.folder);
            self.name.clone_from(&donor.name);
        }
        if has(1) {
            self.size = donor.size;
        }
        if has(2) {
            self.digest = donor.digest;
        }
        if has(3) {
            self.kind = donor.kind;
        }
    }

    fn via<A: WriteAccess>(
        table: &DefaultTable<Self, A>,
        index: &str,
        probe: &Self,
        how: Via<'_, Self>,
    ) -> Result<Option<Self>> {
        assert_eq!(index, "digest", "there is one unique index");
        match how {
            Via::Get => table.by().digest.get(probe.digest),
            Via::Modify(change) => table.by().digest.modify(probe.digest, change),
            Via::Remove => table.by().digest.remove(probe.digest),
        }
    }

    fn contains_via<A: Access>(table: &DefaultTable<Self, A>, index: &str, probe: &Self) -> Result<bool> {
        assert_eq!(index, "digest", "there is one unique index");
        table.by().digest.contains(probe.digest)
    }

    fn scan<A: Access>(
        table: &DefaultTable<Self, A>,
        index: &str,
        narrow: &Narrow<Self>,
        shape: &Shape,
    ) -> Result<Answer<Self>> {
        let by = table.by();
        match index {
            "size" => scan_column!(narrow, shape, by.size, row => row.size, row.size, by.size.all(row.size)),
            "digest" => {
                scan_column!(narrow, shape, by.digest, row => row.digest, row.digest, by.digest.all(row.digest))
            }
            "kind" => scan_column!(narrow, shape, by.kind, row => row.kind, row.kind, by.kind.all(row.kind)),
            other => panic!("no index {other}"),
        }
    }
}
