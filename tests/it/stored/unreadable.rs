//! Rows that a program does not read any more can be found, named and removed, and everything beside them works.

use std::cell::Cell;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use walnut::env::MemoryEnv;
use walnut::{Database, DefaultTable, Error, Fault, Finding, FindingKind, Key, KeyReader, KeyWriter, Table};

use super::open;

thread_local! {
    /// Whether the program is the one that reads even numbers only.
    static STRICT: Cell<bool> = const { Cell::new(false) };
}

fn is_read(number: u16) -> bool {
    !STRICT.get() || number.is_multiple_of(2)
}

/// Runs `program` as the one that does not read odd numbers.
fn strict<R>(program: impl FnOnce() -> R) -> R {
    STRICT.set(true);
    let end = program();
    STRICT.set(false);
    end
}

#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(try_from = "u16", into = "u16")]
struct Picky(u16);

impl TryFrom<u16> for Picky {
    type Error = &'static str;

    fn try_from(number: u16) -> Result<Self, &'static str> {
        is_read(number).then_some(Self(number)).ok_or("it is odd")
    }
}

impl From<Picky> for u16 {
    fn from(picky: Picky) -> Self {
        picky.0
    }
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "rows")]
#[index(pair = (group, name), unique)]
struct Row {
    #[primary_key]
    id: String,
    #[index(unique)]
    name: Option<String>,
    #[index]
    group: u8,
    #[index(each)]
    tags: Vec<String>,
    picky: Picky,
}

fn row(n: u16) -> Row {
    // A key is the end of another one.
    let id = format!("{}{}", "x\0".repeat(usize::from(n % 3)), n / 3);
    let tags = vec!["all".to_owned(), format!("tag {}", n % 4), id.clone()];
    Row {
        id,
        name: (!n.is_multiple_of(5)).then(|| format!("name {n}")),
        group: n.to_le_bytes()[0] % 2,
        tags,
        picky: Picky(n),
    }
}

fn rows(count: u16) -> (MemoryEnv, Database, DefaultTable<Row>) {
    let env = MemoryEnv::new();
    let db = open(&env);
    let table = db.table::<Row>().unwrap();
    table.insert_many(&(0..count).map(row).collect::<Vec<_>>()).unwrap();
    (env, db, table)
}

/// That an error says which table, how long the key is, and no value; and that no file is blamed.
fn is_unreadable<R: std::fmt::Debug>(outcome: walnut::Result<R>, key_size: Option<usize>) {
    let Err(Error::Unreadable(told)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(told.table(), "rows");
    assert!(key_size.is_none_or(|size| told.key_size() == size), "{told}");
    let text = format!("{told} {told:?}");
    assert!(!text.contains("name ") && !text.contains("byte 0"), "{text}");
}

#[test]
fn whoever_reads_a_row_that_cannot_be_read_is_told_so() {
    let (_env, db, table) = rows(30);
    strict(|| {
        let (odd, size) = (row(7), row(7).id.len() + 3);
        is_unreadable(table.get(&odd.id), Some(size));
        is_unreadable(table.get_many([&*row(6).id, &odd.id]), Some(size));
        is_unreadable(table.modify(&odd.id, |_| ()), Some(size));
        is_unreadable(table.upsert(&Row { picky: Picky(2), ..odd.clone() }), Some(size));
        is_unreadable(table.replace(&Row { picky: Picky(2), ..odd.clone() }), Some(size));
        is_unreadable(table.iter().collect_vec(), None);
        is_unreadable(table.by().name.get(Some("name 7")), Some(size));
        is_unreadable(table.by().group.all(1).collect_vec(), None);
        is_unreadable(table.by().group.all(1).first(), None);
        is_unreadable(db.transact(|tx| tx.table::<Row>()?.get(&odd.id)), Some(size));
        is_unreadable(db.snapshot().table::<Row>().unwrap().get(&odd.id), Some(size));
        // A scan gives the error once and then ends.
        let mut scan = table.iter();
        assert_eq!(scan.by_ref().filter(Result::is_err).count(), 1);
        assert!(scan.next().is_none());
        // What reads no row works.
        assert!(table.contains(&odd.id).unwrap());
        assert_eq!(table.len().unwrap(), 30);
        assert_eq!(table.iter().keys().count(), 30);
        assert_eq!(table.by().tags.all("all").count().unwrap(), 30);
        // And what is written is read, or refused.
        assert!(matches!(table.insert(&row(31)), Err(Error::Unstorable(_))));
        table.insert(&row(32)).unwrap();
    });
    assert_eq!(table.get(&row(7).id).unwrap(), Some(row(7)), "the program that wrote it reads it");
}

fn odd_ids(count: u16) -> Vec<String> {
    let mut ids: Vec<String> = (0..count).filter(|n| n % 2 == 1).map(|n| row(n).id).collect();
    ids.sort();
    ids
}

#[test]
fn rows_that_cannot_be_read_are_listed_and_removed_with_their_entries() {
    let (_env, db, table) = rows(40);
    strict(|| {
        let listed = table.unreadable().collect::<walnut::Result<Vec<_>>>().unwrap();
        assert_eq!(listed, odd_ids(40));
        let in_snapshot = db.snapshot().table::<Row>().unwrap().unreadable().count();
        assert_eq!((in_snapshot, table.unreadable().count()), (20, 20));

        let Err(Error::Disagreement(found)) = db.verify() else { panic!("rows cannot be read") };
        assert_eq!((found.count(), found.findings().len()), (20, 20));
        assert!(
            found.findings().iter().all(|it| it.kind() == FindingKind::UnreadableRow && it.table() == "rows")
        );
        let mut named: Vec<_> = found.findings().iter().filter_map(Finding::primary_key::<Row>).collect();
        named.sort();
        assert_eq!(named, listed);
        let swept = table.sweep().unwrap();
        assert_eq!((swept.unreadable_count, swept.removed_count, swept.added_count), (20, 0, 0));

        // One by one, in a transaction, by a unique value, by a scan, and all that are left.
        assert_eq!(table.remove(&row(1).id).unwrap(), None);
        assert!(!table.contains(&row(1).id).unwrap());
        assert_eq!(table.remove(&row(1).id).unwrap(), None);
        db.transact(|tx| tx.table::<Row>()?.remove(&row(3).id)).unwrap();
        assert_eq!(table.by().name.remove(Some("name 7")).unwrap(), None);
        assert_eq!(
            table.remove_many([&*row(9).id, &row(10).id, "none"]).unwrap(),
            [None, Some(row(10)), None]
        );
        let removed = table.by().tags.all("tag 1").remove_all().unwrap();
        assert!(removed > 5, "{removed}");
        let left = table.unreadable().count() as u64;
        assert_eq!(table.unreadable().remove_all().unwrap(), left);
        assert_eq!(table.unreadable().count(), 0);
        db.verify().unwrap();
        assert!(table.sweep().unwrap().is_clean());
        let kept = table.iter().collect_vec().unwrap();
        assert!(!kept.is_empty() && kept.iter().all(|row| row.picky.0 % 2 == 0));
        // Their unique values are free.
        table.insert(&Row { picky: Picky(2), ..row(7) }).unwrap();
    });
    db.verify().unwrap();
}

#[test]
fn removing_a_row_that_cannot_be_read_takes_exactly_its_entries() {
    for n in 0..30 {
        let (env, db, table) = rows(30);
        let before = table.by().tags.iter().entries().count();
        let odd = row(n);
        strict(|| drop(table.remove(&odd.id).unwrap()));
        db.verify().unwrap();
        let distinct: std::collections::BTreeSet<_> = odd.tags.iter().collect();
        assert_eq!(table.by().tags.iter().entries().count(), before - distinct.len());
        db.close().unwrap();
        let db = open(&env);
        assert_eq!(db.table::<Row>().unwrap().len().unwrap(), 29);
        db.verify().unwrap();
    }
}

#[test]
fn a_removal_that_is_rolled_back_removes_nothing() {
    let (_env, db, table) = rows(10);
    strict(|| {
        let tx = db.begin();
        tx.table::<Row>().unwrap().remove(&row(3).id).unwrap();
        drop(tx);
        assert!(table.contains(&row(3).id).unwrap());
    });
    db.verify().unwrap();
    assert_eq!(table.by().name.get(Some("name 3")).unwrap(), Some(row(3)));
}

/// A key that is not read either.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct PickyKey(u16);

impl Key for PickyKey {
    type Ref<'a> = Self;

    fn encode(&self, out: &mut KeyWriter) {
        self.0.encode(out);
    }

    fn encode_ref(point: &Self, out: &mut KeyWriter) {
        point.encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let number = u16::decode(input)?;
        is_read(number).then_some(Self(number)).ok_or(Fault::Invalid("number of a key"))
    }

    fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
        u16::skip(input)
    }
}

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "rows")]
struct ByPicky {
    #[primary_key]
    id: PickyKey,
    #[index]
    group: u8,
    picky: Picky,
}

#[test]
fn a_row_whose_key_cannot_be_read_is_told_once_and_goes_with_all() {
    let db = open(&MemoryEnv::new());
    let table = db.table::<ByPicky>().unwrap();
    for n in 0..10 {
        table.insert(&ByPicky { id: PickyKey(n), group: 3, picky: Picky(n) }).unwrap();
    }
    strict(|| {
        let mut listed = table.unreadable();
        is_unreadable(listed.next().unwrap(), Some(2));
        assert!(listed.next().is_none());
        is_unreadable(table.iter().keys().collect::<walnut::Result<Vec<_>>>(), Some(2));
        assert_eq!(table.unreadable().remove_all().unwrap(), 5);
        db.verify().unwrap();
        assert_eq!(table.len().unwrap(), 5);
        assert_eq!(table.by().group.all(3).count().unwrap(), 5);
    });
}

#[test]
fn rows_that_cannot_be_read_go_while_others_write() {
    let (_env, db, table) = rows(60);
    let table = Arc::new(table);
    std::thread::scope(|scope| {
        for writer in 0..2u16 {
            let table = Arc::clone(&table);
            scope.spawn(move || {
                for round in 0..60u16 {
                    let n = round * 2 % 60;
                    table
                        .upsert(&Row {
                            group: round.to_le_bytes()[0] % 2,
                            name: Some(format!("{writer} {n}")),
                            ..row(n)
                        })
                        .unwrap();
                }
            });
        }
        strict(|| {
            for n in (1..60u16).step_by(2) {
                table.remove(&row(n).id).unwrap();
            }
        });
    });
    db.verify().unwrap();
    assert_eq!(table.len().unwrap(), 30);
}
