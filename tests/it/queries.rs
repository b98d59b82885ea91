//! Pages and their cursors, removal by a scan, and the cost of each way of reading one, counted.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Deserializer, Serialize};
use walnut::{Background, Cursor, CursorError, Database, DefaultTable, Error, Page, Result, Scan, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "items")]
#[index(group_size = (group, size))]
struct Item {
    #[primary_key]
    id: u8,
    #[index]
    group: u8,
    #[index(unique)]
    mark: Option<u8>,
    size: Counted,
}

/// A number that counts how often it is decoded as part of a row.
#[derive(walnut::Key, Serialize, Clone, Copy, Debug, PartialEq)]
struct Counted(u8);

thread_local! {
    static DECODED: Cell<u64> = const { Cell::new(0) };
}

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.set(DECODED.get() + 1);
        u8::deserialize(deserializer).map(Counted)
    }
}

/// How many rows `run` decodes.
fn decoded<R>(run: impl FnOnce() -> R) -> (u64, R) {
    let before = DECODED.get();
    let result = run();
    (DECODED.get() - before, result)
}

fn item(id: u8) -> Item {
    Item { id, group: id / 16, mark: (!id.is_multiple_of(3)).then_some(255 - id), size: Counted(id % 4) }
}

fn database() -> (Database, DefaultTable<Item>) {
    let db = Database::builder().background(Background::Manual).block_size(256).in_memory().unwrap();
    let items = db.table::<Item>().unwrap();
    items.insert_many(&(0..200).map(item).collect::<Vec<_>>()).unwrap();
    db.checkpoint().unwrap();
    (db, items)
}

fn ids(rows: &[Item]) -> Vec<u8> {
    rows.iter().map(|row| row.id).collect()
}

/// Every page of like scans, the cursor of each put into text and back.
fn paged<K: walnut::Key, R, A>(size: u64, scan: impl Fn() -> Scan<'static, Item, K, R, A>) -> Vec<Vec<u8>> {
    let (mut pages, mut cursor) = (Vec::new(), None::<Cursor>);
    loop {
        let Page { rows, next, .. } = scan().page(size, cursor).unwrap();
        pages.push(ids(&rows));
        let Some(next) = next else { return pages };
        cursor = Some(next.to_string().parse().unwrap());
    }
}

#[test]
fn pages_give_in_all_what_the_scan_gives() {
    let (_db, items) = database();
    macro_rules! check {
        ($scan:expr) => {
            for size in [1, 3, 50, 1000] {
                let whole = ids(&$scan.collect_vec().unwrap());
                let pages = paged(size, || $scan);
                assert_eq!(pages.concat(), whole, "{} by {size}", stringify!($scan));
                let full = pages[..pages.len() - 1].iter().all(|page| page.len() as u64 == size);
                assert!(full && (whole.is_empty() || !pages[pages.len() - 1].is_empty()));
            }
        };
    }
    check!(items.iter());
    check!(items.range(20..70).rev());
    check!(items.by().group.range(2..=5));
    check!(items.by().group.all(3).rev());
    check!(items.by().group.iter().rev());
    check!(items.by().mark.all(None));
    check!(items.by().mark.iter().rev());
    check!(items.by().group_size.prefix(4).range(Counted(1)..).rev());
    check!(items.by().group.range(1..9).filter(|item| item.id.is_multiple_of(7)));
    check!(items.by().group.range(1..9).skip(5).limit(40));
    check!(items.by().group.range(1..9).rev().limit(40).filter(|item| item.id % 2 == 0).skip(3));
    check!(items.by().group.range(1..9).limit(40).rev());
    check!(items.by().group.range(1..9).skip(7).limit(30).rev());
    check!(items.range(7..7));
    check!(items.by().group.all(200));
}

/// A row with elements in an index with `each`.
#[derive(walnut::Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[index(both = (kind, each(tags)))]
struct Tagged {
    #[primary_key]
    id: u8,
    #[index(each)]
    tags: Vec<u8>,
    kind: u8,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(walnut_tests::fewer!(64)))]

    /// By an index with `each` a row comes once for each distinct element in the range: in the scan, and over all pages.
    #[test]
    fn by_an_index_of_elements_a_row_comes_once_for_each_of_them_on_all_pages(
        rows in prop::collection::vec((0..3_u8, prop::collection::vec(0..12_u8, 0..6)), 0..20),
        (from, to) in (0..12_u8, 0..14_u8),
        size in 1..6_u64,
        rev in any::<bool>(),
        added in prop::collection::vec((0..3_u8, prop::collection::vec(0..12_u8, 0..6)), 0..6),
    ) {
        let db = Database::in_memory().unwrap();
        let table = db.table::<Tagged>().unwrap();
        let make = |base: u8, rows: &[(u8, Vec<u8>)]| -> Vec<Tagged> {
            let numbered = (base..).zip(rows);
            numbered.map(|(id, (kind, tags))| Tagged { id, tags: tags.clone(), kind: *kind }).collect()
        };
        let rows = make(0, &rows);
        table.insert_many(&rows).unwrap();
        let inside = |row: &Tagged| -> std::collections::BTreeSet<u8> {
            row.tags.iter().copied().filter(|tag| (from..to).contains(tag)).collect()
        };
        let mut expected: Vec<(u8, u8)> =
            rows.iter().flat_map(|row| inside(row).into_iter().map(|tag| (tag, row.id))).collect();
        expected.sort_unstable();
        if rev {
            expected.reverse();
        }
        let scan = || if rev { table.by().tags.range(from..to).rev() } else { table.by().tags.range(from..to) };
        let whole: Vec<u8> = ids_of(&scan().collect_vec().unwrap());
        prop_assert_eq!(&whole, &expected.iter().map(|&(_, id)| id).collect::<Vec<_>>());
        prop_assert_eq!(scan().count().unwrap(), expected.len() as u64);
        let entries: Vec<(u8, u8)> = scan().entries().map(Result::unwrap).collect();
        prop_assert_eq!(&entries, &expected);
        // Rows that come in between pages change nothing about those that were there.
        let (mut paged, mut cursor, mut added) = (Vec::new(), None, make(100, &added).into_iter());
        loop {
            let page = scan().page(size, cursor).unwrap();
            paged.extend(ids_of(&page.rows).into_iter().filter(|&id| id < 100));
            if let Some(row) = added.next() {
                table.insert(&row).unwrap();
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        prop_assert_eq!(paged, whole);
        // What is removed are rows: each is counted once.
        let rows_there = table.iter().filter(|row| !inside(row).is_empty()).count().unwrap();
        prop_assert_eq!(scan().remove_all().unwrap(), rows_there);
        prop_assert_eq!(scan().count().unwrap(), 0);
        db.verify().unwrap();
    }
}

fn ids_of(rows: &[Tagged]) -> Vec<u8> {
    rows.iter().map(|row| row.id).collect()
}

#[test]
fn what_is_written_between_pages_moves_nothing() {
    let (_db, items) = database();
    let scan = || items.by().group.range(2..6);
    let first = scan().page(20, None).unwrap();
    // Before the place, at it and behind it.
    let given = ids(&first.rows);
    items.remove(given[3]).unwrap();
    items.remove(given[19]).unwrap();
    items.modify(given[5], |item| item.group = 0).unwrap();
    items.upsert(&Item { group: 2, ..item(199) }).unwrap();
    items.remove(60).unwrap();
    let rest = paged(7, || items.by().group.range(2..6)).concat();
    let second = scan().page(100, first.next).unwrap();
    let expected: Vec<u8> = (32..96).filter(|id| !given.contains(id) && *id != 60).collect();
    assert_eq!(ids(&second.rows), expected);
    assert!(second.next.is_none() && rest.contains(&199));
}

#[test]
fn a_cursor_is_refused_by_every_other_scan() {
    #[derive(Table, Serialize, Deserialize, Debug)]
    #[table(name = "others")]
    struct Other {
        #[primary_key]
        id: u8,
        #[index]
        group: u8,
    }
    let (db, items) = database();
    let others = db.table::<Other>().unwrap();
    let by = items.by();
    let cursor = || by.group.iter().page(5, None).unwrap().next;
    let foreign = |page: Result<Page<Item>>| {
        let Err(Error::Cursor(CursorError::Foreign { .. })) = page else { panic!("{page:?}") };
    };
    foreign(items.iter().page(5, cursor()));
    foreign(by.mark.iter().page(5, cursor()));
    foreign(by.group_size.iter().page(5, cursor()));
    foreign(by.group.iter().rev().page(5, cursor()));
    let error = others.by().group.iter().page(5, cursor()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the cursor belongs to a scan of table \"items\" by index \"group\", forward, and this one is of table \
         \"others\" by index \"group\", forward"
    );
    let counted = by.group.iter().limit(9).page(5, cursor());
    assert!(matches!(counted, Err(Error::Cursor(CursorError::Counts))));
    assert!(matches!("garbage".parse::<Cursor>(), Err(Error::Cursor(CursorError::Malformed))));
    assert!(
        by.group.range(3..4).page(5, cursor()).is_ok(),
        "another range of the same index is one piece of it"
    );
    assert!(matches!(by.group.iter().limit(9).rev().limit(3).page(5, None), Err(Error::Unsupported(_))));
}

#[test]
fn a_page_of_no_rows_is_refused_since_such_pages_would_never_end() {
    let (_db, items) = database();
    let cursor = items.iter().page(5, None).unwrap().next;
    for cursor in [None, cursor] {
        assert!(matches!(items.iter().page(0, cursor), Err(Error::Unsupported(_))));
    }
    assert!(matches!(items.by().mark.iter().rev().page(0, None), Err(Error::Unsupported(_))));
    assert!(matches!(items.range(7..7).page(0, None), Err(Error::Unsupported(_))));
}

#[test]
fn what_is_asked_for_nothing_gives_nothing() {
    let (_db, items) = database();
    let (by, five, two) = (items.by(), 5, 2);
    assert_eq!(items.get_many([]).unwrap(), []);
    items.insert_many(&[]).unwrap();
    assert_eq!(items.upsert_many(&[]).unwrap(), []);
    assert_eq!(items.remove_many([]).unwrap(), []);
    macro_rules! empty {
        ($($scan:expr;)*) => {$(
            let page = $scan.page(3, None).unwrap();
            assert_eq!((page.rows, page.next), (vec![], None), "{}", stringify!($scan));
            assert_eq!($scan.count().unwrap(), 0, "{}", stringify!($scan));
            assert_eq!($scan.remove_all().unwrap(), 0, "{}", stringify!($scan));
        )*};
    }
    empty! {
        items.iter().limit(0);
        items.iter().skip(u64::MAX);
        items.range(five..two);
        items.range(five..five).rev();
        by.group.range(five..two).rev();
        by.group_size.prefix(4).range(Counted(3)..Counted(1));
        by.group_size.prefix(4).range(Counted(3)..Counted(3)).rev();
        by.mark.range(Some(five)..Some(two));
    }
    let before = items.len().unwrap();
    assert_eq!(items.iter().limit(u64::MAX).skip(1).count().unwrap(), before - 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(walnut_tests::fewer!(48)))]

    #[test]
    fn a_scan_removes_the_rows_that_it_gives(
        from in 0..14_u8, to in 0..14_u8, rev: bool, limit in prop::option::of(0..40_u64), keep in prop::option::of(1..4_u8),
        begun in 0..3_usize, in_transaction: bool,
    ) {
        let (db, items) = database();
        let mut model: BTreeMap<u8, Item> = (0..200).map(|id| (id, item(id))).collect();
        macro_rules! remove {
            ($table:expr) => {{
                let shaped = || {
                    let scan = $table.by().group.range(from..to);
                    let scan = if rev { scan.rev() } else { scan };
                    let scan = limit.map_or_else(|| scan, |limit| $table.by().group.range(from..to).limit(limit));
                    scan.filter(|item| keep.is_none_or(|keep| item.id % 4 < keep))
                };
                let given: Vec<u8> = shaped().skip(begun as u64).keys().map(Result::unwrap).collect();
                let mut scan = shaped();
                assert!(scan.by_ref().take(begun).all(|item| item.is_ok()));
                prop_assert_eq!(scan.remove_all().unwrap(), given.len() as u64);
                model.retain(|id, _| !given.contains(id));
            }};
        }
        if in_transaction {
            let tx = db.begin();
            let table = tx.table::<Item>().unwrap();
            remove!(table);
            tx.commit().unwrap();
        } else {
            remove!(items);
        }
        prop_assert_eq!(items.iter().collect_vec().unwrap(), model.into_values().collect::<Vec<_>>());
        db.verify().unwrap();
    }
}

#[test]
fn a_removal_that_fails_removes_nothing_and_one_of_a_transaction_is_rolled_back_with_it() {
    let (db, items) = database();
    let result: Result<u64> = db.transact(|tx| {
        let removed = tx.table::<Item>()?.by().group.range(..5).rev().remove_all()?;
        assert_eq!((removed, tx.table::<Item>()?.len()?), (80, 120));
        Err(Error::abort(removed))
    });
    assert_eq!(result.unwrap_err().abort_ref::<u64>(), Some(&80));
    assert_eq!(items.len().unwrap(), 200);
}

#[test]
fn a_removal_sees_what_others_wrote_since_its_scan_was_made() {
    let (_db, items) = database();
    let scan = items.by().group.all(3);
    items.remove(50).unwrap();
    items.modify(0, |item| item.group = 3).unwrap();
    assert_eq!(scan.remove_all().unwrap(), 16);
    assert!(!items.contains(0).unwrap());
}

#[test]
fn counts_keys_and_entries_decode_no_row() {
    let (_db, items) = database();
    let by = items.by();
    macro_rules! costs {
        ($($rows:literal: $read:expr;)*) => {$(
            let (rows, _) = decoded(|| $read);
            assert_eq!(rows, $rows, "{}", stringify!($read));
        )*};
    }
    costs! {
        0: items.len().unwrap();
        0: items.is_empty().unwrap();
        0: items.contains(7).unwrap();
        0: items.iter().count().unwrap();
        0: items.iter().keys().count();
        0: items.range(5..).rev().entries().count();
        0: by.group.iter().count().unwrap();
        0: by.group.range(2..9).rev().keys().count();
        0: by.mark.iter().keys().count();
        0: by.mark.contains(Some(3)).unwrap();
        0: by.mark.contains(None).unwrap();
        0: by.group.iter().skip(100).limit(50).rev().count().unwrap();
        1: by.mark.get(Some(155)).unwrap();
        1: items.get(7).unwrap();
        2: items.get_many([1, 250, 9]).unwrap();
        1: by.group.range(3..).first().unwrap();
        1: by.group.range(3..).last().unwrap();
        20: by.group.range(3..).limit(20).collect_vec().unwrap();
        20: by.group.range(3..).rev().limit(20).collect_vec().unwrap();
        20: items.iter().skip(100).limit(20).collect_vec().unwrap();
        20: by.group.range(3..).limit(20).rev().collect_vec().unwrap();
        20: by.group.range(3..).page(20, None).unwrap();
        21: by.group.range(3..).rev().page(20, by.group.range(3..).rev().page(1, None).unwrap().next).unwrap();
        16: by.group.all(3).filter(|item| item.id == 50).count().unwrap();
    }
}

/// Not on an engine elsewhere: its blocks are not ours.
#[cfg(not(feature = "remote"))]
#[test]
fn a_reverse_scan_reads_each_block_once_and_a_part_of_it_a_part() {
    use walnut::env::{MemoryEnv, Operation, Operations};
    let env = MemoryEnv::new();
    let open = || {
        // A cache that keeps nothing for long, so that each block that is entered is a read.
        let builder = Database::builder().background(Background::Manual).block_size(256).cache_size(0);
        builder.env(std::sync::Arc::new(env.clone())).open("/db").unwrap()
    };
    let db = open();
    let items = db.table::<Item>().unwrap();
    items.insert_many(&(0..200).map(item).collect::<Vec<_>>()).unwrap();
    db.compact().unwrap();
    drop((items, db));
    let reads = |run: &dyn Fn(&DefaultTable<Item>)| {
        let db = open();
        let items = db.table::<Item>().unwrap();
        items.get(100).unwrap();
        let before = env.counts().of(Operations::Only(Operation::Read));
        run(&items);
        env.counts().of(Operations::Only(Operation::Read)) - before
    };
    // In both directions more and more is read ahead, until the reads are few and long.
    let whole = reads(&|items| drop(items.iter().rev().collect_vec().unwrap()));
    let forward = reads(&|items| drop(items.iter().collect_vec().unwrap()));
    assert!(forward > 2, "{forward} reads forward, {whole} backward");
    assert_eq!(forward, whole, "backward and forward read alike");
    let count = reads(&|items| assert_eq!(items.by().group.iter().rev().count().unwrap(), 200));
    assert!(count <= whole, "{count} reads of an index, {whole} of all rows");
    for few in [
        reads(&|items| drop(items.iter().rev().page(5, None).unwrap())),
        reads(&|items| assert!(items.iter().last().unwrap().is_some())),
        reads(&|items| drop(items.iter().rev().limit(5).collect_vec().unwrap())),
    ] {
        assert!(few < whole, "{few} reads for a few rows, {whole} for all");
    }
}
