//! Keys, values, batches, limits, snapshots, transactions of the raw engine.

use walnut::kv::{MAX_KEY_SIZE, MAX_VALUE_SIZE, WriteBatch};
use walnut::{Database, Error, Limit, Result};

fn keys(iter: impl Iterator<Item = Result<(Vec<u8>, Vec<u8>)>>) -> Vec<Vec<u8>> {
    iter.map(|entry| entry.unwrap().0).collect()
}

#[test]
fn empty_values_and_the_empty_key_are_ordinary() {
    let db = Database::in_memory().unwrap();
    let space = db.keyspace("space").unwrap();
    assert_eq!(space.get("").unwrap(), None);
    space.put("", "").unwrap();
    space.put([0], "zero").unwrap();
    space.put([0xff; 9], []).unwrap();
    assert_eq!(space.get("").unwrap(), Some(Vec::new()));
    assert!(space.contains([0xff; 9]).unwrap());
    assert_eq!(keys(space.iter()), [vec![], vec![0], vec![0xff; 9]]);
    assert_eq!(keys(space.prefix([0xff]).rev()), [vec![0xff; 9]]);
    assert_eq!(space.first().unwrap(), Some((Vec::new(), Vec::new())));
    space.remove_range(..=[]).unwrap();
    assert_eq!(space.first().unwrap(), Some((vec![0], b"zero".to_vec())));
    space.remove_prefix("").unwrap();
    assert!(space.is_empty().unwrap());
}

fn keys_of(space: &walnut::kv::Keyspace) -> usize {
    space.iter().count()
}

#[test]
fn what_is_at_a_limit_is_taken_and_what_is_one_past_it_refused_before_anything_is_written() {
    let db = Database::in_memory().unwrap();
    let space = db.keyspace("space").unwrap();
    space.put(vec![7; MAX_KEY_SIZE], vec![1; MAX_VALUE_SIZE]).unwrap();
    assert_eq!(space.get(vec![7; MAX_KEY_SIZE]).unwrap().map(|value| value.len()), Some(MAX_VALUE_SIZE));
    let seqno = db.stats().visible_seqno;
    let long = vec![7; MAX_KEY_SIZE + 1];
    let refused: [Result<()>; 3] = [
        space.put(&long, ""),
        space.put("k", vec![1; MAX_VALUE_SIZE + 1]),
        db.transact(|tx| tx.keyspace("space")?.put("k", vec![1; MAX_VALUE_SIZE + 1])),
    ];
    for refused in refused {
        assert!(matches!(refused, Err(Error::Limit(Limit::Key { .. } | Limit::Row { .. }))), "{refused:?}");
    }
    let mut batch = WriteBatch::new();
    assert!(matches!(batch.put(&space, &long, ""), Err(Error::Limit(_))));
    assert!(batch.is_empty());
    for n in 0..1025u32 {
        batch.remove_range(&space, n.to_be_bytes()..(n + 1).to_be_bytes()).unwrap();
    }
    assert!(matches!(db.write(batch), Err(Error::Limit(Limit::Ranges { count: 1025, limit: 1024 }))));
    assert!(matches!(db.keyspace(""), Err(Error::Unsupported(_))));
    assert!(matches!(db.keyspace(&"n".repeat(256)), Err(Error::Unsupported(_))));
    assert_eq!((db.stats().visible_seqno, keys_of(&space)), (seqno, 1));
    db.keyspace(&"n".repeat(255)).unwrap();
}

#[test]
fn a_key_that_is_too_long_is_never_there_and_bounds_a_range_as_any_bytes_do() {
    let db = Database::in_memory().unwrap();
    let space = db.keyspace("space").unwrap();
    let longest = vec![7; MAX_KEY_SIZE];
    for key in [&b"\x06"[..], &longest, b"\x07\x08", b"\x08"] {
        space.put(key, "").unwrap();
    }
    let long = vec![7; MAX_KEY_SIZE + 9];
    assert_eq!((space.get(&long).unwrap(), space.contains(&long).unwrap()), (None, false));
    assert_eq!(space.prefix(&long).count(), 0);
    assert_eq!(space.range(..&long).count(), 2, "the longest key is the beginning of the bound");
    assert_eq!(space.range(..=&long).rev().count(), 2);
    assert_eq!(space.range(&long..).count(), 2);
    assert_eq!(space.range((std::ops::Bound::Excluded(&long), std::ops::Bound::Unbounded)).count(), 2);
    let mut batch = WriteBatch::new();
    batch.remove(&space, &long).unwrap();
    db.write(batch).unwrap();
    space.remove(&long).unwrap();
    space.remove_prefix(&long).unwrap();
    space.remove_range(&long..&long).unwrap();
    db.transact(|tx| {
        let space = tx.keyspace("space")?;
        space.remove(&long)?;
        assert_eq!(
            (space.get(&long)?, space.range(&long..).count(), space.prefix(&long).count()),
            (None, 2, 0)
        );
        Ok(())
    })
    .unwrap();
    let snapshot = db.snapshot().keyspace("space").unwrap().unwrap();
    assert_eq!((snapshot.get(&long).unwrap(), snapshot.range(..&long).count()), (None, 2));
    assert_eq!(keys_of(&space), 4);
    space.remove_range(&long..).unwrap();
    assert_eq!(keys_of(&space), 2);
    db.drop_keyspace("space").unwrap();
    assert!(matches!(space.remove(&long), Err(Error::Dropped)));
}

#[test]
fn a_batch_over_several_keyspaces_happens_whole_and_in_its_order() {
    let db = Database::in_memory().unwrap();
    let (left, right) = (db.keyspace("left").unwrap(), db.keyspace("right").unwrap());
    left.put("a", "old").unwrap();
    let mut batch = WriteBatch::new();
    batch.put(&left, "b", "1").unwrap();
    batch.remove_range(&left, "a".."c").unwrap();
    batch.put(&left, "b", "2").unwrap();
    batch.put(&right, "b", "3").unwrap();
    assert_eq!((batch.len(), batch.is_empty()), (4, false));
    assert_eq!((keys_of(&left), keys_of(&right)), (1, 0), "nothing was written yet");
    db.write(batch).unwrap();
    assert_eq!(keys(left.iter()), [b"b"]);
    assert_eq!(left.get("b").unwrap().unwrap(), b"2");
    assert_eq!(right.get("b").unwrap().unwrap(), b"3");
    db.write(WriteBatch::new()).unwrap();
    let other = Database::in_memory().unwrap();
    let mut batch = WriteBatch::new();
    batch.put(&left, "x", "").unwrap();
    assert!(matches!(batch.put(&other.keyspace("left").unwrap(), "x", ""), Err(Error::Unsupported(_))));
    assert!(matches!(other.write(batch), Err(Error::Unsupported(_))));
    assert_eq!(keys_of(&left), 1);
}

#[test]
fn keyspaces_of_one_database_and_tables_do_not_see_each_other() {
    let db = Database::in_memory().unwrap();
    let names = ["a", "aa", "b", "users"];
    for name in names {
        db.keyspace(name).unwrap().put("key", name).unwrap();
    }
    for name in names {
        let space = db.keyspace(name).unwrap();
        assert_eq!((space.name(), space.len().unwrap()), (name, 1));
        assert_eq!(space.get("key").unwrap().unwrap(), name.as_bytes());
    }
    assert_eq!(db.keyspace_names().unwrap(), names);
    assert!(db.table_names().unwrap().is_empty());
    db.keyspace("aa").unwrap().remove_range(..).unwrap();
    assert_eq!(db.keyspace("a").unwrap().len().unwrap() + db.keyspace("b").unwrap().len().unwrap(), 2);
}

#[test]
fn a_transaction_over_keyspaces_is_serializable() {
    type Look = fn(&walnut::Transaction) -> Result<()>;

    let db = Database::in_memory().unwrap();
    let space = db.keyspace("space").unwrap();
    space.put("a", "1").unwrap();
    // A key that was read, one that was not there, and a range are each changed meanwhile.
    let looks: [Look; 3] = [
        |tx| tx.keyspace("space")?.get("a").map(drop),
        |tx| tx.keyspace("space")?.get("m").map(drop),
        |tx| tx.keyspace("space")?.range("k".."z").next().transpose().map(drop),
    ];
    let changes: [fn(&walnut::kv::Keyspace) -> Result<()>; 2] =
        [|space| space.remove_range(..), |space| ["a", "m"].iter().try_for_each(|key| space.put(key, "2"))];
    for look in looks {
        for change in changes {
            let tx = db.begin();
            look(&tx).unwrap();
            tx.keyspace("space").unwrap().put("own", "write").unwrap();
            change(&space).unwrap();
            assert!(matches!(tx.commit(), Err(Error::Conflict)));
        }
    }
    let tx = db.begin();
    let inside = tx.keyspace("space").unwrap();
    inside.put("b", "").unwrap();
    inside.remove_range("a".."b").unwrap();
    assert_eq!(keys(inside.iter()), [b"b".to_vec(), b"m".to_vec()]);
    assert_eq!(keys(space.iter()), [b"a".to_vec(), b"m".to_vec()], "nobody else sees it yet");
    tx.commit().unwrap();
    assert_eq!(keys(space.iter()), [b"b".to_vec(), b"m".to_vec()]);
}

#[test]
fn an_iterator_sees_the_state_of_its_making_from_both_ends() {
    let db = Database::in_memory().unwrap();
    let space = db.keyspace("space").unwrap();
    for n in 0..10u8 {
        space.put([n], [n]).unwrap();
    }
    let mut iter = space.range([2]..[8]);
    assert_eq!(iter.next().unwrap().unwrap().0, [2]);
    space.remove_range(..).unwrap();
    space.put([5], "new").unwrap();
    assert_eq!(iter.next_back().unwrap().unwrap(), (vec![7], vec![7]));
    assert_eq!(keys(iter), [[3], [4], [5], [6]]);
    assert_eq!(keys(space.range([9]..[1])), [] as [Vec<u8>; 0], "an end before its start");
    for entry in &space {
        assert_eq!(entry.unwrap(), (vec![5], b"new".to_vec()));
    }
}
