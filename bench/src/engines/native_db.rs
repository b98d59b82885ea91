//! `native_db`: structs over redb.
//!
//! It cannot commit without a sync, and has no compaction while somebody else holds the handle; rows are in postcard here, too.

use std::path::Path;
use std::sync::{LazyLock, PoisonError, RwLock};

use native_db::{Builder, Database, Models, ToKey, native_db};
use native_model::{Model, native_model};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::engine::{Engine, Get, Result, Setting};

static MODELS: LazyLock<Models> = LazyLock::new(|| {
    let mut models = Models::new();
    models.define::<NativeAccount>().unwrap_or_else(|error| panic!("the only model is refused: {error}"));
    models
});

/// The row, with the attributes of `native_db`.
#[derive(Serialize, Deserialize, Clone, Debug)]
#[native_model(id = 1, version = 1, with = native_model::postcard_1_0::PostCard)]
#[native_db]
pub struct NativeAccount {
    #[primary_key]
    id: u64,
    #[secondary_key(unique)]
    email: String,
    #[secondary_key]
    city: String,
    #[secondary_key]
    score: u64,
    name: String,
    about: String,
    created: i64,
    balance: i64,
    active: bool,
}

macro_rules! convert {
    ($from:ident to $to:ident) => {
        impl From<$from> for $to {
            fn from(row: $from) -> Self {
                let $from { id, email, city, score, name, about, created, balance, active } = row;
                Self { id, email, city, score, name, about, created, balance, active }
            }
        }
    };
}

convert!(Account to NativeAccount);
convert!(NativeAccount to Account);

/// An open database.
pub struct NativeDb {
    db: RwLock<Database<'static>>,
}

impl NativeDb {
    fn with<R>(&self, body: impl FnOnce(&Database<'static>) -> Result<R>) -> Result<R> {
        body(&self.db.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Engine for NativeDb {
    const NAME: &'static str = "native_db";

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        let mut builder = Builder::new();
        builder.set_cache_size(setting.cache_size);
        let path = dir.join("db.native");
        let db = if path.exists() { builder.open(&MODELS, path)? } else { builder.create(&MODELS, path)? };
        Ok(Self { db: RwLock::new(db) })
    }

    fn insert_many(&self, rows: &[Account]) -> Result<()> {
        self.with(|db| {
            let transaction = db.rw_transaction()?;
            for row in rows {
                transaction.insert(NativeAccount::from(row.clone()))?;
            }
            Ok(transaction.commit()?)
        })
    }

    fn get(&self, id: u64) -> Result<Option<Account>> {
        self.with(|db| Ok(db.r_transaction()?.get().primary::<NativeAccount>(id)?.map(Account::from)))
    }

    fn by_id(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        self.with(|db| {
            let transaction = db.r_transaction()?;
            let scan = transaction.scan().primary::<NativeAccount>()?;
            let rows = scan.range(from..)?.take(limit);
            rows.map(|row| Ok(Account::from(row?))).collect()
        })
    }

    fn last(&self) -> Result<Option<Account>> {
        self.with(|db| {
            let transaction = db.r_transaction()?;
            let last = transaction.scan().primary::<NativeAccount>()?.all()?.next_back();
            Ok(last.transpose()?.map(Account::from))
        })
    }

    fn get_many(&self, ids: &[u64]) -> Result<Vec<Option<Account>>> {
        self.with(|db| {
            let transaction = db.r_transaction()?;
            let get = |&id| Ok(transaction.get().primary::<NativeAccount>(id)?.map(Account::from));
            ids.iter().map(get).collect()
        })
    }

    fn by_email(&self, email: &str) -> Result<Option<Account>> {
        self.with(|db| {
            let row = db.r_transaction()?.get().secondary::<NativeAccount>(NativeAccountKey::email, email)?;
            Ok(row.map(Account::from))
        })
    }

    fn by_score(&self, from: u64, limit: usize) -> Result<Vec<Account>> {
        self.with(|db| {
            let transaction = db.r_transaction()?;
            let scan = transaction.scan().secondary::<NativeAccount>(NativeAccountKey::score)?;
            let rows = scan.range(from..)?.take(limit);
            rows.map(|row| Ok(Account::from(row?))).collect()
        })
    }

    fn ids_in_city(&self, city: &str) -> Result<Vec<u64>> {
        Ok(self.in_city(city)?.into_iter().map(|row| row.id).collect())
    }

    fn in_city(&self, city: &str) -> Result<Vec<Account>> {
        self.with(|db| {
            let transaction = db.r_transaction()?;
            let scan = transaction.scan().secondary::<NativeAccount>(NativeAccountKey::city)?;
            let rows = scan.range(city..=city)?;
            rows.map(|row| Ok(Account::from(row?))).collect()
        })
    }

    fn scan(&self, mut each: impl FnMut(Account)) -> Result<()> {
        self.with(|db| {
            let transaction = db.r_transaction()?;
            for row in transaction.scan().primary::<NativeAccount>()?.all()? {
                each(row?.into());
            }
            Ok(())
        })
    }

    fn set_scores(&self, changes: &[(u64, u64)]) -> Result<()> {
        self.with(|db| {
            let transaction = db.rw_transaction()?;
            for &(id, score) in changes {
                let old = transaction.get().primary::<NativeAccount>(id)?.ok_or("a row is missing")?;
                let new = NativeAccount { score, ..old.clone() };
                transaction.update(old, new)?;
            }
            Ok(transaction.commit()?)
        })
    }

    fn set_about(&self, id: u64, about: &str) -> Result<()> {
        self.with(|db| {
            let transaction = db.rw_transaction()?;
            let old = transaction.get().primary::<NativeAccount>(id)?.ok_or("a row is missing")?;
            let new = NativeAccount { about: about.to_owned(), ..old.clone() };
            transaction.update(old, new)?;
            Ok(transaction.commit()?)
        })
    }

    fn remove_many(&self, ids: &[u64]) -> Result<()> {
        self.with(|db| {
            let transaction = db.rw_transaction()?;
            for &id in ids {
                let row = transaction.get().primary::<NativeAccount>(id)?.ok_or("a row is missing")?;
                transaction.remove(row)?;
            }
            Ok(transaction.commit()?)
        })
    }

    fn pop_first(&self) -> Result<Option<Account>> {
        self.with(|db| {
            let transaction = db.rw_transaction()?;
            let first = transaction.scan().primary::<NativeAccount>()?.all()?.next().transpose()?;
            let Some(row) = first else { return Ok(None) };
            transaction.remove(row.clone())?;
            transaction.commit()?;
            Ok(Some(row.into()))
        })
    }

    fn clear(&self) -> Result<()> {
        self.with(|db| {
            let transaction = db.rw_transaction()?;
            transaction.drain().primary::<NativeAccount>()?;
            Ok(transaction.commit()?)
        })
    }

    fn with_snapshot<R>(&self, body: impl FnOnce(&Get<'_>) -> Result<R>) -> Result<Option<R>> {
        self.with(|db| {
            let transaction = db.r_transaction()?;
            body(&|id| Ok(transaction.get().primary::<NativeAccount>(id)?.map(Account::from))).map(Some)
        })
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn settle(&self) -> Result<()> {
        self.db.write().unwrap_or_else(PoisonError::into_inner).compact()?;
        Ok(())
    }

    fn close(self) -> Result<()> {
        Ok(())
    }
}
