//! The tests of Hermitage that are about predicates, by their names there, with each order of the commits.

use walnut::{Error, Result, Transaction};

use super::{Item, item, set, two_rows, value, values};

fn won(transaction: Transaction) -> bool {
    match transaction.commit() {
        Ok(()) => true,
        Err(Error::Conflict) => false,
        Err(error) => panic!("{error}"),
    }
}

/// The ids of the rows with a value that can be divided by `divisor`.
fn divisible(tx: &Transaction, divisor: i64) -> Result<Vec<u64>> {
    let rows = tx.table::<Item>()?.iter().filter(|item| item.value % divisor == 0).collect_vec()?;
    Ok(rows.into_iter().map(|item| item.id).collect())
}

#[test]
fn pmp_a_predicate_is_read_of_one_state() -> Result<()> {
    for reader_first in [true, false] {
        let db = two_rows()?;
        let (reader, writer) = (db.begin(), db.begin());
        assert!(divisible(&reader, 30)?.is_empty());
        writer.table::<Item>()?.insert(&item(3, 30))?;
        if reader_first {
            assert!(divisible(&reader, 3)?.is_empty() && won(reader) && won(writer));
        } else {
            assert!(won(writer));
            assert!(divisible(&reader, 3)?.is_empty() && won(reader));
        }
        assert_eq!(values(&db)?, [(1, 10), (2, 20), (3, 30)]);
    }
    Ok(())
}

#[test]
fn pmp_a_predicate_that_chooses_what_is_written() -> Result<()> {
    // One adds ten to every row, the other one removes the rows of value 20: which are these?
    for adder_first in [true, false] {
        let db = two_rows()?;
        let (adder, remover) = (db.begin(), db.begin());
        {
            let (adding, removing) = (adder.table::<Item>()?, remover.table::<Item>()?);
            for row in adding.iter() {
                adding.modify(row?.id, |item| item.value += 10)?;
            }
            for row in removing.iter().filter(|item| item.value == 20) {
                removing.remove(row?.id)?;
            }
        }
        let (first, second) = if adder_first { (adder, remover) } else { (remover, adder) };
        assert!(won(first) && !won(second));
        let expected: &[(u64, i64)] = if adder_first { &[(1, 20), (2, 30)] } else { &[(1, 10)] };
        assert_eq!(values(&db)?, expected);
    }
    Ok(())
}

#[test]
fn g_single_a_predicate_and_a_row() -> Result<()> {
    for reader_first in [true, false] {
        let db = two_rows()?;
        let (reader, writer) = (db.begin(), db.begin());
        assert_eq!(divisible(&reader, 5)?, [1, 2]);
        let changed = writer.table::<Item>()?.modify(1, |item| item.value = 12)?;
        assert!(changed.is_some());
        if reader_first {
            assert!(divisible(&reader, 3)?.is_empty());
            assert!(won(reader) && won(writer));
        } else {
            assert!(won(writer));
            assert!(divisible(&reader, 3)?.is_empty());
            assert!(won(reader));
        }
    }
    Ok(())
}

#[test]
fn g_single_a_row_that_was_read_decides_what_is_written() -> Result<()> {
    for reader_first in [true, false] {
        let db = two_rows()?;
        let (reader, writer) = (db.begin(), db.begin());
        {
            let (rows, others) = (reader.table::<Item>()?, writer.table::<Item>()?);
            assert_eq!(value(&rows, 1)?, Some(10));
            set(&others, 1, 12)?;
            set(&others, 2, 18)?;
            for row in rows.iter().filter(|item| item.value == 20) {
                rows.remove(row?.id)?;
            }
        }
        let (first, second) = if reader_first { (reader, writer) } else { (writer, reader) };
        assert!(won(first) && !won(second));
        let expected: &[(u64, i64)] = if reader_first { &[(1, 10)] } else { &[(1, 12), (2, 18)] };
        assert_eq!(values(&db)?, expected);
    }
    Ok(())
}

#[test]
fn g2_two_predicates_that_each_other_fulfils() -> Result<()> {
    for a_first in [true, false] {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        assert!(divisible(&a, 3)?.is_empty() && divisible(&b, 3)?.is_empty());
        a.table::<Item>()?.insert(&item(3, 30))?;
        b.table::<Item>()?.insert(&item(4, 42))?;
        let (first, second) = if a_first { (a, b) } else { (b, a) };
        assert!(won(first) && !won(second));
        assert_eq!(values(&db)?.len(), 3);
    }
    Ok(())
}

#[test]
fn otv_whoever_commits_first_is_seen_whole_and_does_not_vanish() -> Result<()> {
    for a_first in [true, false] {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        for (transaction, one, two) in [(&a, 11, 19), (&b, 12, 18)] {
            let items = transaction.table::<Item>()?;
            set(&items, 1, one)?;
            set(&items, 2, two)?;
        }
        let (first, second) = if a_first { (a, b) } else { (b, a) };
        assert!(won(first));
        let reader = db.begin();
        let seen = reader.table::<Item>()?;
        let one = value(&seen, 1)?;
        assert!(!won(second));
        assert_eq!(
            (one, value(&seen, 2)?),
            if a_first { (Some(11), Some(19)) } else { (Some(12), Some(18)) }
        );
        assert!(won(reader));
    }
    Ok(())
}

#[test]
fn g1a_what_is_rolled_back_is_never_seen() -> Result<()> {
    for rolled_back_first in [true, false] {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        set(&a.table::<Item>()?, 1, 101)?;
        assert_eq!(divisible(&b, 10)?, [1, 2]);
        if rolled_back_first {
            drop(a);
            assert_eq!(value(&b.table::<Item>()?, 1)?, Some(10));
            assert!(won(b));
        } else {
            assert!(won(b));
            drop(a);
        }
        assert_eq!(values(&db)?, [(1, 10), (2, 20)]);
    }
    Ok(())
}
