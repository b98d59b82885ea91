//! Values computed from all rows of a scan, each a `Result`. The methods of `Iterator` with such
//! names see results, not rows.

use std::iter::Sum;

use super::Scan;
use crate::error::Result;
use crate::table::key::Key;
use crate::table::schema::mapper::Table;

impl<T: Table, K: Key, R, M> Scan<'_, T, K, R, M> {
    /// Folds the rows into one value, in the order of the scan; the first error ends it.
    ///
    /// Cost: reads every row.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Item { #[primary_key] id: u64, name: String }
    /// # let items = Database::in_memory()?.table::<Item>()?;
    /// items.insert_many([Item { id: 1, name: "a".into() }, Item { id: 2, name: "b".into() }])?;
    /// assert_eq!(items.iter().fold_rows(String::new(), |text, item| text + &item.name)?, "ab");
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn fold_rows<B>(mut self, start: B, mut fold: impl FnMut(B, T) -> B) -> Result<B> {
        self.try_fold(start, |value, row| Ok(fold(value, row?)))
    }

    /// The sum of a value of each row; the first error ends it. It overflows as [`Iterator::sum`]
    /// does, so widen small numbers.
    ///
    /// Cost: reads every row.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use walnut::{Database, Table};
    /// # #[derive(Table, Serialize, Deserialize)]
    /// # struct Account { #[primary_key] id: u64, cents: i32 }
    /// # let accounts = Database::in_memory()?.table::<Account>()?;
    /// accounts.insert_many([Account { id: 1, cents: i32::MAX }, Account { id: 2, cents: 1 }])?;
    /// assert_eq!(accounts.iter().sum_of(|account| i64::from(account.cents))?, 1 << 31);
    /// # Ok::<(), walnut::Error>(())
    /// ```
    pub fn sum_of<N: Sum>(self, mut value: impl FnMut(&T) -> N) -> Result<N> {
        self.map(|row| row.map(|row| value(&row))).sum()
    }

    /// The least value of any row, `None` when there is no row; the first error ends it.
    ///
    /// Cost: reads every row. The least value of an index is found in one look-up:
    /// `by().age.iter().entries().next()`.
    pub fn min_of<V: Ord>(self, mut value: impl FnMut(&T) -> V) -> Result<Option<V>> {
        self.fold_rows(None, |least, row| {
            let value = value(&row);
            Some(match least {
                Some(least) if least <= value => least,
                _ => value,
            })
        })
    }

    /// The greatest value of any row, `None` when there is no row; the first error ends it.
    ///
    /// Cost: reads every row. The greatest value of an index is found in one look-up:
    /// `by().age.iter().rev().entries().next()`.
    pub fn max_of<V: Ord>(self, mut value: impl FnMut(&T) -> V) -> Result<Option<V>> {
        self.fold_rows(None, |greatest, row| greatest.max(Some(value(&row))))
    }
}
