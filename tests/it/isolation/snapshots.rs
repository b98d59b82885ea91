//! Snapshots: one state, whatever happens to the store.

use serde::{Deserialize, Serialize};
use walnut::{Database, Durability, Result, Table};

use super::{Item, item, named, set, two_rows};

#[test]
fn a_snapshot_does_not_change_under_writes_flushes_and_checkpoints() -> Result<()> {
    let db = Database::builder().memtable_size(4 << 10).durability(Durability::Fast).in_memory()?;
    let items = db.table::<Item>()?;
    items.insert_many(&(0..200).map(|id| named(id, &id.to_string())).collect::<Vec<_>>())?;
    let snapshot = db.snapshot();
    let old = snapshot.table::<Item>()?;
    let (rows, names) = (old.iter().collect_vec()?, old.by().name.iter().collect_vec()?);
    let open = old.iter();
    for round in 1..5 {
        for id in (0..200).filter(|id| id % 5 == 0) {
            items.remove(id)?;
            items.insert(&named(id, &format!("{id} {round}")))?;
        }
        for id in 0..50 {
            items.upsert(&item(1000 + id, round))?;
            set(&items, id, round)?;
        }
        db.checkpoint()?;
        assert_eq!(old.iter().collect_vec()?, rows);
        assert_eq!(old.iter().rev().count()?, 200);
        assert_eq!(old.by().name.iter().collect_vec()?, names);
        assert_eq!(old.get(5)?, Some(named(5, "5")));
        assert_eq!(old.by().name.get(Some("10"))?, Some(named(10, "10")));
        assert!(!old.contains(1001)?);
    }
    assert_eq!(open.collect_vec()?, rows);
    assert_eq!(db.stats().pinned_count, 1);
    drop((snapshot, old));
    assert_eq!(db.stats().pinned_count, 0);
    Ok(())
}

#[test]
fn a_snapshot_sees_no_transaction_by_half_and_none_that_is_open() -> Result<()> {
    let db = two_rows()?;
    let tx = db.begin();
    set(&tx.table::<Item>()?, 1, 11)?;
    let before = db.snapshot();
    set(&tx.table::<Item>()?, 2, 19)?;
    tx.commit()?;
    let after = db.snapshot();
    let sum = |snapshot: &walnut::Snapshot| -> Result<Vec<i64>> {
        snapshot.table::<Item>()?.iter().map(|item| item.map(|item| item.value)).collect()
    };
    assert_eq!((sum(&before)?, sum(&after.clone())?), (vec![10, 20], vec![11, 19]));
    Ok(())
}

#[derive(Table, Serialize, Deserialize)]
struct Later {
    #[primary_key]
    id: u64,
}

#[test]
fn a_table_that_did_not_exist_is_empty_in_a_snapshot() -> Result<()> {
    let db = two_rows()?;
    let snapshot = db.snapshot();
    db.table::<Later>()?.insert(&Later { id: 1 })?;
    assert!(snapshot.table::<Later>()?.is_empty()?);
    assert!(db.snapshot().table::<Later>()?.contains(1)?);
    Ok(())
}

#[test]
fn snapshots_and_their_tables_go_to_other_threads() -> Result<()> {
    fn can_be_shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn can_be_sent<T: Send + 'static>(_: &T) {}
    let db = two_rows()?;
    let snapshot = db.snapshot();
    can_be_shared(&snapshot);
    can_be_shared(&snapshot.table::<Item>()?);
    can_be_sent(&snapshot.table::<Item>()?.iter());
    let tx = db.begin();
    can_be_sent(&tx);
    can_be_sent(&tx.table::<Item>()?.iter().read_only());
    Ok(())
}
