//! An in-memory file that records whether it was synced and counts its operations.

use std::path::Path;
use std::sync::Mutex;

use crate::env::File;
use crate::error::Result;

#[derive(Debug, Default)]
pub(super) struct TestFile {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    synced: Vec<u8>,
    reads: usize,
    writes: usize,
}

impl TestFile {
    pub(super) fn with(bytes: Vec<u8>) -> Self {
        Self { state: Mutex::new(State { bytes, ..State::default() }) }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.state.lock().unwrap().bytes.clone()
    }

    pub(super) fn is_synced(&self) -> bool {
        let state = self.state.lock().unwrap();
        state.bytes == state.synced
    }

    pub(super) fn read_count(&self) -> usize {
        self.state.lock().unwrap().reads
    }

    pub(super) fn write_count(&self) -> usize {
        self.state.lock().unwrap().writes
    }
}

impl File for TestFile {
    fn path(&self) -> &Path {
        Path::new("000007.sst")
    }

    fn size(&self) -> Result<u64> {
        Ok(self.state.lock().unwrap().bytes.len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<usize> {
        let mut state = self.state.lock().unwrap();
        state.reads += 1;
        let rest = usize::try_from(offset).ok().and_then(|offset| state.bytes.get(offset..)).unwrap_or(&[]);
        let size = rest.len().min(bytes.len());
        bytes[..size].copy_from_slice(&rest[..size]);
        Ok(size)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        state.writes += 1;
        let start = usize::try_from(offset).unwrap();
        let size = state.bytes.len().max(start + bytes.len());
        state.bytes.resize(size, 0);
        state.bytes[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        let mut state = self.state.lock().unwrap();
        state.synced = state.bytes.clone();
        Ok(())
    }

    fn set_size(&self, size: u64) -> Result<()> {
        self.state.lock().unwrap().bytes.resize(usize::try_from(size).unwrap(), 0);
        Ok(())
    }
}
