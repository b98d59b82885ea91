//! Look-ups of what no row can have, of what is missing, and of the first columns of a key.

use std::ops::Bound;

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use walnut::{Database, MAX_KEY_SIZE, Result, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(primary_key = (tenant, name))]
#[index(recent = (tenant, desc(name)))]
#[index(priced = (scale(price, 1), name))]
struct Item {
    tenant: u8,
    name: String,
    #[index(nocase)]
    title: String,
    #[index(unique)]
    code: Option<Vec<u8>>,
    #[index(scale = 1)]
    price: Decimal,
    #[index(each)]
    tags: Vec<String>,
}

fn item(tenant: u8, name: &str) -> Item {
    Item {
        tenant,
        name: name.to_owned(),
        title: name.to_uppercase(),
        code: (tenant != 0).then(|| [&[tenant], name.as_bytes()].concat()),
        price: Decimal::new(i64::from(tenant) * 10 + 5, 1),
        tags: vec![name.to_owned(), format!("{name}!")],
    }
}

#[test]
fn what_is_too_long_to_be_stored_is_not_there() -> Result<()> {
    let db = Database::in_memory()?;
    let items = db.table::<Item>()?;
    items.insert_many([item(1, "ann"), item(1, "bob"), item(2, "ann"), item(0, "zoe")])?;
    let long = "b".repeat(MAX_KEY_SIZE);
    macro_rules! nothing {
        ($items:expr) => {{
            let items = $items;
            let by = items.by();
            assert!(items.get((1, &long))?.is_none() && !items.contains((1, &long))?);
            assert_eq!(items.get_many([(1, "ann"), (1, &long), (2, "ann")])?.iter().flatten().count(), 2);
            assert!(
                by.code.get(Some(long.as_bytes()))?.is_none() && !by.code.contains(Some(long.as_bytes()))?
            );
            assert_eq!(by.code.all(Some(long.as_bytes())).count()?, 0);
            assert_eq!(by.title.all(&long).count()? + by.title.starts_with(&long).count()?, 0);
            assert_eq!(by.tags.all(&long).keys().count() + by.tags.starts_with(&long).keys().count(), 0);
            assert_eq!(by.recent.prefix(1).all(&long).rev().count()?, 0);
            assert_eq!(by.recent.prefix(1).starts_with(&long).count()?, 0);
            assert_eq!(items.prefix(1).starts_with(&long).count()?, 0);
            assert_eq!(by.tags.all(&long).page(5, None)?.rows, []);
            assert_eq!(by.priced.prefix("1.23".parse().unwrap()).range("a"..).count()?, 0);
            // As a bound it lies where it would be sorted.
            assert_eq!(items.prefix(1).range(..=long.clone()).count()?, 1);
            assert_eq!(items.prefix(1).range(long.clone()..).rev().count()?, 1);
            assert_eq!(items.range((1, long.clone())..).count()?, 2);
            assert_eq!(items.range(..(1, long.clone())).count()?, 2);
            assert_eq!(by.recent.prefix(1).range(long.as_str()..).count()?, 1);
            assert_eq!(by.title.range((Bound::Excluded(long.as_str()), Bound::Unbounded)).count()?, 2);
            assert_eq!(by.tags.range(..long.as_str()).count()?, 4);
        }};
    }
    nothing!(&items);
    nothing!(&db.snapshot().table::<Item>()?);
    db.transact(|tx| {
        nothing!(&tx.table::<Item>()?);
        let codes = tx.table::<Item>()?;
        assert!(!codes.by().code.is_unique_owner(Some(long.as_bytes()))?);
        assert!(!codes.by().code.release_unique(Some(long.as_bytes()))?);
        Ok(())
    })?;
    assert!(items.modify((1, &long), |_| ())?.is_none() && items.remove((1, &long))?.is_none());
    assert_eq!(items.remove_many([(1, long.as_str()), (9, "ann")])?, [None, None]);
    let codes = items.by().code;
    assert!(
        codes.modify(Some(long.as_bytes()), |_| ())?.is_none()
            && codes.remove(Some(long.as_bytes()))?.is_none()
    );
    assert_eq!(items.by().tags.all(&long).remove_all()?, 0);
    assert_eq!(items.len()?, 4);
    assert_eq!(
        items.by().tags.range(long.as_str()..).remove_all()?,
        2,
        "bob, whose tags lie behind, and zoe"
    );
    db.verify()?;
    Ok(())
}

#[test]
fn a_missing_value_has_no_owner_and_is_found_by_all() -> Result<()> {
    let db = Database::in_memory()?;
    let items = db.table::<Item>()?;
    items.insert_many([item(0, "ann"), item(0, "bob"), item(1, "ann")])?;
    let codes = items.by().code;
    assert!(codes.get(None)?.is_none(), "no row of several is singled out");
    assert!(codes.modify(None, |_| panic!("nothing to change"))?.is_none() && codes.remove(None)?.is_none());
    assert_eq!(codes.all(None).count()?, 2);
    assert!(codes.contains(None)?, "there are rows without one");
    items.prefix(0).remove_all()?;
    assert!(!codes.contains(None)? && codes.get(None)?.is_none());
    Ok(())
}

#[test]
fn the_first_columns_of_a_key_narrow_a_scan() -> Result<()> {
    let db = Database::in_memory()?;
    let items = db.table::<Item>()?;
    let names = ["an", "ann", "anna", "ba", "bob", ""];
    items.insert_many([1, 2, 3].into_iter().flat_map(|tenant| names.map(|name| item(tenant, name))))?;
    let found = |scan: walnut::Keys<'_, Item>| scan.map(|key| Ok(key?.1)).collect::<Result<Vec<_>>>();
    assert_eq!(found(items.prefix(2).keys())?, ["", "an", "ann", "anna", "ba", "bob"]);
    assert_eq!(found(items.prefix(2).starts_with("an").keys())?, ["an", "ann", "anna"]);
    assert_eq!(found(items.prefix(2).starts_with("an").rev().limit(2).keys())?, ["anna", "ann"]);
    assert_eq!(found(items.prefix(2).range("ann".."bob").keys())?, ["ann", "anna", "ba"]);
    assert_eq!(found(items.by().recent.prefix(3).starts_with("an").keys())?, ["anna", "ann", "an"]);
    assert_eq!(
        found(items.by().priced.prefix("2.5".parse().unwrap()).starts_with("b").keys())?,
        ["ba", "bob"]
    );
    let page = items.prefix(1).starts_with("an").page(2, None)?;
    let rest = items.prefix(1).starts_with("an").page(2, page.next)?;
    assert_eq!((page.rows.len(), rest.rows.len(), rest.next), (2, 1, None));
    assert!(items.prefix(9).first()?.is_none() && items.prefix(9).starts_with("").last()?.is_none());
    assert_eq!(items.prefix(2).starts_with("an").remove_all()?, 3);
    assert_eq!((items.len()?, items.prefix(2).count()?), (15, 3));
    db.verify()?;
    Ok(())
}

/// Text around the length at which it can no longer be stored.
fn text() -> impl Strategy<Value = String> {
    let letters = prop::sample::select(&["a", "b", "\0", "é"][..]);
    let length = prop_oneof![0..4_usize, 1_290..1_310_usize, 2_590..2_610_usize];
    (letters, length, "[ab]{0,2}").prop_map(|(letter, length, end)| letter.repeat(length) + &end)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(walnut_tests::fewer!(48)))]

    /// A bound that cannot be stored is one all the same: the rows in the range are those that a vector would have there.
    #[test]
    fn a_range_holds_what_lies_between_its_bounds_however_long_they_are(
        texts in prop::collection::vec(text(), 0..6),
        (from, to) in (text(), text()),
    ) {
        let db = Database::in_memory().unwrap();
        let items = db.table::<Item>().unwrap();
        let mut stored: Vec<String> = Vec::new();
        for text in &texts {
            let row = Item { title: String::new(), code: None, tags: vec![], ..item(1, text) };
            if items.upsert(&row).is_ok() {
                stored.push(text.clone());
            }
        }
        stored.sort();
        stored.dedup();
        let bounds = [
            (Bound::Included(&from), Bound::Excluded(&to)),
            (Bound::Excluded(&from), Bound::Included(&to)),
            (Bound::Unbounded, Bound::Excluded(&to)),
            (Bound::Included(&from), Bound::Unbounded),
        ];
        for (start, end) in bounds {
            let inside = |text: &&String| {
                std::ops::RangeBounds::<&String>::contains(&(start.as_ref(), end.as_ref()), text)
            };
            let expected: Vec<&String> = stored.iter().filter(inside).collect();
            let found = items.prefix(1).range((start, end)).collect_vec().unwrap();
            prop_assert_eq!(found.iter().map(|row| &row.name).collect::<Vec<_>>(), expected.clone());
            let turned = items.by().recent.prefix(1).range((start, end)).rev().collect_vec().unwrap();
            prop_assert_eq!(turned.iter().map(|row| &row.name).collect::<Vec<_>>(), expected);
        }
        let starting = items.prefix(1).starts_with(&from).count().unwrap();
        prop_assert_eq!(starting, stored.iter().filter(|text| text.starts_with(&from)).count() as u64);
        prop_assert_eq!(items.contains((1, &from)).unwrap(), stored.contains(&from));
    }
}
