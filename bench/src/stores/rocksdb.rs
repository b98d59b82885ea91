//! RocksDB: a column family for each tree, as its tuning guide says.
//!
//! LZ4 blocks of 16 KiB, whole-key bloom filters of 10 bits, a hash index in each block, filters and indexes in the shared
//! cache (pinned for level 0), dynamic level sizes, recycled and pipelined logs, two background jobs. Batches are plain
//! `WriteBatch`es, which are quicker than its transactions.

use std::path::Path;

use rocksdb::{
    BlockBasedOptions, BottommostLevelCompaction, Cache, ColumnFamily, ColumnFamilyDescriptor,
    CompactOptions, DB, DBCompressionType, DataBlockIndexType, FlushOptions, Options, WriteBatch,
    WriteOptions,
};

use crate::engine::{Maps, Result, Setting, map_name};
use crate::typed::{GetBytes, Reader, Store, Tree, Writer};

/// An open database.
pub struct Rocks {
    db: DB,
    durable: bool,
}

/// A batch, and the database under it.
pub struct Batch<'w> {
    rocks: &'w Rocks,
    batch: WriteBatch,
}

impl Rocks {
    fn with_families<'n>(
        dir: &Path,
        setting: &Setting,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Self> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_recycle_log_file_num(4);
        options.set_enable_pipelined_write(true);
        options.set_max_background_jobs(2);
        options.set_bytes_per_sync(1 << 20);
        let cache = Cache::new_lru_cache(setting.cache_size);
        let families = names.map(|name| ColumnFamilyDescriptor::new(name, table_options(&cache)));
        let db = DB::open_cf_descriptors(&options, dir, families)?;
        Ok(Self { db, durable: setting.durable })
    }

    fn family(&self, tree: Tree) -> Result<&ColumnFamily> {
        self.family_named(tree.name())
    }

    fn family_named(&self, name: &str) -> Result<&ColumnFamily> {
        Ok(self.db.cf_handle(name).ok_or("a column family is missing")?)
    }

    fn write_options(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.set_sync(self.durable);
        options
    }
}

fn table_options(cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_block_size(16 << 10);
    blocks.set_bloom_filter(10.0, false);
    blocks.set_format_version(5);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_data_block_index_type(DataBlockIndexType::BinaryAndHash);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_bottommost_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_write_buffer_size(32 << 20);
    options
}

impl Store for Rocks {
    const NAME: &'static str = "rocksdb";
    const ISOLATED: bool = false;
    type Reader<'s> = &'s Rocks;
    type Writer<'w> = Batch<'w>;

    fn open(dir: &Path, setting: &Setting) -> Result<Self> {
        Self::with_families(dir, setting, Tree::ALL.iter().map(|tree| tree.name()))
    }

    fn reader(&self) -> Result<&Rocks> {
        Ok(self)
    }

    fn write(&self, body: impl FnOnce(&mut Self::Writer<'_>) -> Result<()>) -> Result<()> {
        let mut batch = Batch { rocks: self, batch: WriteBatch::default() };
        body(&mut batch)?;
        Ok(self.db.write_opt(batch.batch, &self.write_options())?)
    }

    fn with_snapshot<R>(&self, body: impl FnOnce(&GetBytes<'_>) -> Result<R>) -> Result<Option<R>> {
        let (snapshot, rows) = (self.db.snapshot(), self.family(Tree::Rows)?);
        body(&|key| Ok(snapshot.get_cf(rows, key)?)).map(Some)
    }

    fn maps(dir: &Path, setting: &Setting, count: usize) -> Result<Option<Box<dyn Maps>>> {
        let names: Vec<String> = (0..count).map(map_name).collect();
        let rocks = Self::with_families(dir, setting, names.iter().map(String::as_str))?;
        Ok(Some(Box::new(RocksMaps { rocks, names })))
    }

    fn sync(&self) -> Result<()> {
        Ok(self.db.flush_wal(true)?)
    }

    fn settle(&self) -> Result<()> {
        let mut options = CompactOptions::default();
        options.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for tree in Tree::ALL {
            let family = self.family(tree)?;
            self.db.flush_cf_opt(family, &FlushOptions::default())?;
            self.db.compact_range_cf_opt(family, None::<&[u8]>, None::<&[u8]>, &options);
        }
        Ok(())
    }

    fn close(self) -> Result<()> {
        for tree in Tree::ALL {
            self.db.flush_cf(self.family(tree)?)?;
        }
        self.db.cancel_all_background_work(true);
        Ok(())
    }
}

/// Any number of column families.
struct RocksMaps {
    rocks: Rocks,
    names: Vec<String>,
}

impl Maps for RocksMaps {
    fn put(&self, map: usize, key: &[u8], value: &[u8]) -> Result<()> {
        let family = self.rocks.family_named(&self.names[map])?;
        Ok(self.rocks.db.put_cf_opt(family, key, value, &self.rocks.write_options())?)
    }

    fn get(&self, map: usize, key: &[u8]) -> Result<Option<Vec<u8>>> {
        Ok(self.rocks.db.get_cf(self.rocks.family_named(&self.names[map])?, key)?)
    }
}

impl Reader for &Rocks {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Ok(self.db.get_pinned_cf(self.family(tree)?, key)?.map(|value| found(&value)))
    }

    fn last<R>(&self, tree: Tree, found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        let mut iterator = self.db.raw_iterator_cf(self.family(tree)?);
        iterator.seek_to_last();
        iterator.status()?;
        Ok(iterator.value().map(found))
    }

    fn scan(
        &self,
        tree: Tree,
        from: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> Result<bool>,
    ) -> Result<()> {
        let mut iterator = self.db.raw_iterator_cf(self.family(tree)?);
        iterator.seek(from);
        while let Some((key, value)) = iterator.item() {
            if !each(key, value)? {
                return Ok(());
            }
            iterator.next();
        }
        Ok(iterator.status()?)
    }
}

impl Writer for Batch<'_> {
    fn get<R>(&self, tree: Tree, key: &[u8], found: impl FnOnce(&[u8]) -> R) -> Result<Option<R>> {
        Reader::get(&self.rocks, tree, key, found)
    }

    fn put(&mut self, tree: Tree, key: &[u8], value: &[u8]) -> Result<()> {
        self.batch.put_cf(self.rocks.family(tree)?, key, value);
        Ok(())
    }

    fn delete(&mut self, tree: Tree, key: &[u8]) -> Result<()> {
        self.batch.delete_cf(self.rocks.family(tree)?, key);
        Ok(())
    }
}
