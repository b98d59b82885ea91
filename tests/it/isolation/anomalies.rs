//! One test for each anomaly of the literature, with each order of the commits.

use walnut::{Database, Error, Result, Transaction};

use super::{Item, item, named, on_shelf, set, two_rows, value, values};

/// Which of two transactions commits first.
#[derive(Clone, Copy, PartialEq, Debug)]
enum First {
    A,
    B,
}

const BOTH: [First; 2] = [First::A, First::B];

/// Commits both, and says of each whether it won; it lost by a conflict then.
fn commit(a: Transaction, b: Transaction, first: First) -> (bool, bool) {
    let won = |transaction: Transaction| match transaction.commit() {
        Ok(()) => true,
        Err(Error::Conflict) => false,
        Err(error) => panic!("{error}"),
    };
    match first {
        First::A => {
            let a = won(a);
            (a, won(b))
        }
        First::B => {
            let b = won(b);
            (won(a), b)
        }
    }
}

/// What [`commit`] says when only the first one wins.
fn only(first: First) -> (bool, bool) {
    (first == First::A, first == First::B)
}

#[test]
fn dirty_write_g0() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        {
            let (a, b) = (a.table::<Item>()?, b.table::<Item>()?);
            set(&a, 1, 11)?;
            set(&b, 1, 12)?;
            set(&b, 2, 22)?;
            set(&a, 2, 21)?;
        }
        assert_eq!(commit(a, b, first), only(first));
        let expected = if first == First::A { [(1, 11), (2, 21)] } else { [(1, 12), (2, 22)] };
        assert_eq!(values(&db)?, expected);
    }
    Ok(())
}

#[test]
fn dirty_read_g1a_aborted_read() -> Result<()> {
    let db = two_rows()?;
    let (a, b) = (db.begin(), db.begin());
    let seen = b.table::<Item>()?;
    set(&a.table::<Item>()?, 1, 101)?;
    assert_eq!(value(&seen, 1)?, Some(10));
    drop(a);
    assert_eq!(value(&seen, 1)?, Some(10));
    b.commit()?;
    assert_eq!(values(&db)?, [(1, 10), (2, 20)]);
    Ok(())
}

#[test]
fn dirty_read_g1b_intermediate_read() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        let (writer, reader) = (a.table::<Item>()?, b.table::<Item>()?);
        set(&writer, 1, 101)?;
        assert_eq!(value(&reader, 1)?, Some(10));
        set(&writer, 1, 11)?;
        assert_eq!(value(&reader, 1)?, Some(10));
        assert_eq!(commit(a, b, first), (true, true));
        assert_eq!(values(&db)?, [(1, 11), (2, 20)]);
    }
    Ok(())
}

#[test]
fn dirty_read_g1c_circular_information_flow() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        {
            let (a, b) = (a.table::<Item>()?, b.table::<Item>()?);
            set(&a, 1, 11)?;
            set(&b, 2, 22)?;
            assert_eq!(value(&a, 2)?, Some(20));
            assert_eq!(value(&b, 1)?, Some(10));
        }
        assert_eq!(commit(a, b, first), only(first));
    }
    Ok(())
}

#[test]
fn observed_transaction_vanishes_otv() -> Result<()> {
    let db = two_rows()?;
    let (a, b) = (db.begin(), db.begin());
    for (transaction, one, two) in [(&a, 11, 19), (&b, 12, 18)] {
        let items = transaction.table::<Item>()?;
        set(&items, 1, one)?;
        set(&items, 2, two)?;
    }
    a.commit()?;
    let reader = db.begin();
    let seen = reader.table::<Item>()?;
    assert_eq!(value(&seen, 1)?, Some(11));
    assert!(matches!(b.commit(), Err(Error::Conflict)));
    assert_eq!(value(&seen, 2)?, Some(19));
    reader.commit()
}

#[test]
fn lost_update_p4() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        for (transaction, more) in [(&a, 1), (&b, 2)] {
            let items = transaction.table::<Item>()?;
            let read = value(&items, 1)?.unwrap();
            set(&items, 1, read + more)?;
        }
        assert_eq!(commit(a, b, first), only(first));
        assert_eq!(values(&db)?[0], (1, if first == First::A { 11 } else { 12 }));
    }
    Ok(())
}

#[test]
fn non_repeatable_read_p2() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        set(&b.table::<Item>()?, 1, 12)?;
        let items = a.table::<Item>()?;
        assert_eq!(value(&items, 1)?, Some(10));
        if first == First::B {
            b.commit()?;
            assert_eq!(value(&items, 1)?, Some(10));
            a.commit()?;
        } else {
            assert_eq!(value(&items, 1)?, Some(10));
            a.commit()?;
            b.commit()?;
        }
        assert_eq!(values(&db)?, [(1, 12), (2, 20)]);
    }
    Ok(())
}

#[test]
fn read_skew_g_single() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        let items = a.table::<Item>()?;
        assert_eq!(value(&items, 1)?, Some(10));
        let others = b.table::<Item>()?;
        set(&others, 1, 12)?;
        set(&others, 2, 18)?;
        if first == First::B {
            b.commit()?;
            assert_eq!(value(&items, 2)?, Some(20));
            a.commit()?;
        } else {
            assert_eq!(value(&items, 2)?, Some(20));
            assert_eq!(commit(a, b, first), (true, true));
        }
    }
    Ok(())
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn read_skew_g_single_with_a_write_on_what_was_read() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        {
            let (a, b) = (a.table::<Item>()?, b.table::<Item>()?);
            assert_eq!(value(&a, 1)?, Some(10));
            set(&b, 1, 12)?;
            set(&b, 2, 18)?;
            a.insert(&item(3, value(&a, 2)?.unwrap()))?;
        }
        // Before `b`, `a` is right; after it, what it wrote rests on what is gone.
        assert_eq!(commit(a, b, first), (first == First::A, true));
    }
    Ok(())
}

#[test]
fn write_skew_g2_item() -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        for (transaction, id) in [(&a, 1), (&b, 2)] {
            let items = transaction.table::<Item>()?;
            assert_eq!(items.get_many([1, 2])?.len(), 2);
            set(&items, id, 0)?;
        }
        assert_eq!(commit(a, b, first), only(first));
        assert_eq!(values(&db)?.iter().filter(|(_, value)| *value == 0).count(), 1);
    }
    Ok(())
}

/// Two transactions look with `look` for what is not there, and each inserts a row that the other one would have found.
fn phantom(rows: &[Item; 2], look: impl Fn(&Transaction) -> Result<u64>) -> Result<()> {
    for first in BOTH {
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        for (transaction, row) in [(&a, &rows[0]), (&b, &rows[1])] {
            assert_eq!(look(transaction)?, 0);
            transaction.table::<Item>()?.insert(row)?;
            assert_eq!(look(transaction)?, 1);
        }
        assert_eq!(commit(a, b, first), only(first));
        assert_eq!(db.table::<Item>()?.len()?, 3);

        // One that only looked is right before the other one, and wrong after it.
        let db = two_rows()?;
        let (a, b) = (db.begin(), db.begin());
        assert_eq!(look(&a)?, 0);
        a.table::<Item>()?.insert(&item(900, 0))?;
        b.table::<Item>()?.insert(&rows[1])?;
        assert_eq!(commit(a, b, first), (first == First::A, true));
        db.verify()?;
    }
    Ok(())
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn phantom_on_a_primary_range() -> Result<()> {
    phantom(&[item(105, 0), item(107, 0)], |tx| tx.table::<Item>()?.range(100..200).count())?;
    phantom(&[item(105, 0), item(107, 0)], |tx| tx.table::<Item>()?.range(100..=300).rev().keys().count_all())
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn phantom_on_a_secondary_index_range() -> Result<()> {
    let rows = [on_shelf(105, 7), on_shelf(107, 7)];
    phantom(&rows, |tx| tx.table::<Item>()?.by().shelf.all(7).count())?;
    phantom(&rows, |tx| tx.table::<Item>()?.by().shelf.range(5..9).rev().entries().count_all())?;
    phantom(&rows, |tx| tx.table::<Item>()?.iter().filter(|item| item.shelf == 7).count())
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn phantom_on_a_unique_miss() -> Result<()> {
    let rows = [named(105, "ann"), named(107, "ann")];
    phantom(&rows, |tx| Ok(u64::from(tx.table::<Item>()?.by().name.get(Some("ann"))?.is_some())))?;
    phantom(&rows, |tx| Ok(u64::from(tx.table::<Item>()?.by().name.contains(Some("ann"))?)))
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn phantom_on_the_violation_of_a_unique_value() -> Result<()> {
    // `a` was refused because of a row that `b` removes: what `a` made of the refusal holds only before `b`.
    for first in BOTH {
        let db = Database::in_memory()?;
        db.table::<Item>()?.insert(&named(1, "ann"))?;
        let (a, b) = (db.begin(), db.begin());
        {
            let (a, b) = (a.table::<Item>()?, b.table::<Item>()?);
            assert!(matches!(a.insert(&named(2, "ann")), Err(Error::UniqueViolation(_))));
            a.insert(&named(2, "ann2"))?;
            b.remove(1)?;
        }
        assert_eq!(commit(a, b, first), (first == First::A, true));
    }
    Ok(())
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn anti_dependency_cycle_g2_of_three() -> Result<()> {
    // Each reads what the one before it writes, in a ring: whatever the order, one of them has to lose.
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let db = Database::in_memory()?;
        db.table::<Item>()?.insert_many(&[item(0, 0), item(1, 0), item(2, 0)])?;
        let mut ring: Vec<Option<Transaction>> = (0..3).map(|_| Some(db.begin())).collect();
        for (place, transaction) in (0..).zip(&ring) {
            let items = transaction.as_ref().unwrap().table::<Item>()?;
            assert_eq!(value(&items, place)?, Some(0));
            set(&items, (place + 1) % 3, 1)?;
        }
        let outcomes: Vec<_> = order.iter().map(|&place| ring[place].take().unwrap().commit()).collect();
        assert!(outcomes[0].is_ok(), "{order:?}");
        let lost = outcomes.iter().filter(|outcome| matches!(outcome, Err(Error::Conflict))).count();
        assert_eq!((lost, outcomes.iter().filter(|outcome| outcome.is_ok()).count()), (1, 2), "{order:?}");
    }
    Ok(())
}

/// Not on PostgreSQL: it orders the reader before the change, and both commit.
#[cfg(not(feature = "postgres"))]
#[test]
fn anti_dependency_cycle_g2_with_two_edges() -> Result<()> {
    // A reader between two writers sees both or neither of them.
    let db = two_rows()?;
    let slow = db.begin();
    let slow_items = slow.table::<Item>()?;
    assert_eq!(slow_items.len()?, 2);
    let quick = db.begin();
    set(&quick.table::<Item>()?, 2, 25)?;
    quick.commit()?;
    let reader = db.begin();
    assert_eq!(value(&reader.table::<Item>()?, 2)?, Some(25));
    reader.commit()?;
    set(&slow_items, 1, 0)?;
    assert!(matches!(slow.commit(), Err(Error::Conflict)));
    Ok(())
}

#[test]
fn a_conflict_is_found_also_when_the_change_was_flushed_meanwhile() -> Result<()> {
    type Look = fn(&Transaction) -> Result<bool>;
    let looks: [Look; 3] = [
        |tx| tx.table::<Item>()?.contains(5),
        |tx| Ok(tx.table::<Item>()?.range(3..9).first()?.is_some()),
        |tx| Ok(tx.table::<Item>()?.by().shelf.range(6..).last()?.is_some()),
    ];
    for look in looks {
        let db = two_rows()?;
        let tx = db.begin();
        assert!(!look(&tx)?);
        tx.table::<Item>()?.insert(&item(50, 0))?;
        db.table::<Item>()?.insert(&on_shelf(5, 7))?;
        db.checkpoint()?;
        db.table::<Item>()?.insert(&item(60, 0))?;
        assert!(!look(&tx)?);
        assert!(matches!(tx.commit(), Err(Error::Conflict)));
    }
    Ok(())
}

/// Not on an engine elsewhere: a page reads ahead, so more may conflict.
#[cfg(not(feature = "remote"))]
#[test]
fn a_scan_that_stopped_is_not_disturbed_by_what_lies_beyond() -> Result<()> {
    // From the front to 20, from the back to 50: what comes between is of no interest, what comes before or behind is.
    for (intruder, conflicts) in [(5, true), (15, true), (25, false), (45, false), (55, true), (65, true)] {
        let db = Database::in_memory()?;
        let items = db.table::<Item>()?;
        items.insert_many(&[10, 20, 30, 40, 50, 60].map(|id| item(id, 0)))?;
        let tx = db.begin();
        let mut scan = tx.table::<Item>()?.iter();
        let ends = [scan.next(), scan.next_back(), scan.next(), scan.next_back()];
        let ids: Result<Vec<_>> = ends.into_iter().flatten().map(|item| item.map(|item| item.id)).collect();
        assert_eq!(ids?, [10, 60, 20, 50]);
        tx.table::<Item>()?.insert(&item(100, 0))?;
        items.insert(&item(intruder, 0))?;
        assert_eq!(tx.commit().is_err(), conflicts, "{intruder}");
    }
    Ok(())
}

/// Counts what an iterator gives.
trait CountAll {
    fn count_all(self) -> Result<u64>;
}

impl<I: Iterator<Item = Result<T>>, T> CountAll for I {
    fn count_all(mut self) -> Result<u64> {
        self.try_fold(0, |count, item| item.map(|_| count + 1))
    }
}
