//! The file system of a machine in memory: a tree of names, the files under them, and the space
//! they take.
//!
//! 1. The root always exists and is durable.
//! 2. `used` is the sum of [`Content::space`] over all files.
//! 3. Paths are relative to a directory, whether or not they start with the root; `..` is the
//!    parent by name.
//! 4. A removed directory is empty, and no name can be created in it.
//!
//! It knows no power, no locks and no handles.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::crash::{CrashPolicy, Dice};
use super::directory::{DirNode, Directory, DirectoryId, Names};
use super::image::PendingChange;
use super::inode::{Content, Inode};
use crate::env::PathKind;

/// The maximum file size; it bounds the allocation for a write at an absurd offset.
pub(super) const MAX_FILE_SIZE: usize = 1 << 30;

const ROOT: DirectoryId = DirectoryId(0);

/// A path, and the directory that it is relative to.
#[derive(Clone, Copy)]
pub(super) struct Location<'p> {
    pub(super) base: DirectoryId,
    pub(super) path: &'p Path,
}

impl<'p> From<&'p Path> for Location<'p> {
    fn from(path: &'p Path) -> Self {
        Self { base: ROOT, path }
    }
}

pub(super) struct Disk {
    pub(super) capacity: Option<u64>,
    /// Whether changes are not recorded for a crash, after which the disk is then empty.
    is_volatile: bool,
    used: u64,
    directories: Vec<Directory>,
    next_inode: u64,
}

impl Disk {
    pub(super) fn new() -> Self {
        let directories = vec![Directory::default()];
        Self { capacity: None, is_volatile: false, used: 0, directories, next_inode: 0 }
    }

    /// A disk that loses everything in a crash, and does not record pending changes.
    pub(super) fn volatile() -> Self {
        Self { is_volatile: true, ..Self::new() }
    }

    pub(super) fn create_dir(&mut self, path: Location<'_>) -> io::Result<()> {
        let (parent, name) = self.free_name(path)?;
        let node = DirNode::Directory(self.add_directory(Directory::default()));
        self.bind(parent, name, Some(node));
        Ok(())
    }

    pub(super) fn sync_dir(&mut self, path: Location<'_>) -> io::Result<()> {
        let directory = self.directory(path)?;
        self.directories[directory.0].sync();
        Ok(())
    }

    pub(super) fn list(&self, path: Location<'_>) -> io::Result<Vec<String>> {
        Ok(self.names(self.directory(path)?).keys().cloned().collect())
    }

    pub(super) fn kind(&self, path: Location<'_>) -> io::Result<Option<PathKind>> {
        match self.node(path) {
            Ok(DirNode::File(_)) => Ok(Some(PathKind::File)),
            Ok(DirNode::Directory(_)) => Ok(Some(PathKind::Directory)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn create(&mut self, path: Location<'_>) -> io::Result<Arc<Inode>> {
        let (parent, name) = self.free_name(path)?;
        let inode = self.add_inode();
        self.account(&inode, |content| content.names += 1);
        self.bind(parent, name, Some(DirNode::File(Arc::clone(&inode))));
        Ok(inode)
    }

    pub(super) fn open(&self, path: Location<'_>) -> io::Result<Arc<Inode>> {
        match self.node(path)? {
            DirNode::File(inode) => Ok(inode),
            DirNode::Directory(_) => Err(ErrorKind::IsADirectory.into()),
        }
    }

    /// When both names are bound to one file already, nothing happens, as POSIX requires.
    pub(super) fn rename(&mut self, from: Location<'_>, to: Location<'_>) -> io::Result<()> {
        let (old_parent, old_name) = self.parent_of(from)?;
        let (parent, name) = self.parent_of(to)?;
        let moved = self.open(from)?;
        match self.names(parent).get(name) {
            Some(DirNode::Directory(_)) => return Err(ErrorKind::IsADirectory.into()),
            Some(DirNode::File(replaced)) if replaced.id == moved.id => return Ok(()),
            Some(DirNode::File(replaced)) => {
                let replaced = Arc::clone(replaced);
                self.account(&replaced, |content| content.names -= 1);
            }
            None => {}
        }
        self.bind(parent, name, Some(DirNode::File(moved)));
        self.bind(old_parent, old_name, None);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: Location<'_>) -> io::Result<()> {
        let inode = self.open(path)?;
        let (parent, name) = self.parent_of(path)?;
        self.bind(parent, name, None);
        self.account(&inode, |content| content.names -= 1);
        Ok(())
    }

    pub(super) fn free_space(&self, path: Location<'_>) -> io::Result<u64> {
        self.node(path)?;
        Ok(self.room())
    }

    /// Writes as many of the bytes as there is space for, and returns their number.
    pub(super) fn write(&mut self, inode: &Inode, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(ErrorKind::FileTooLarge)?;
        let offset = usize::try_from(offset).map_err(|_| ErrorKind::FileTooLarge)?;
        if end > MAX_FILE_SIZE as u64 {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let limit = self.room().saturating_add(inode.content().seen().size() as u64).min(end);
        let fits = usize::try_from(limit).map_err(|_| ErrorKind::FileTooLarge)?.saturating_sub(offset);
        if fits > 0 {
            let (bytes, is_volatile) = (&bytes[..fits], self.is_volatile);
            self.account(inode, |content| {
                if is_volatile {
                    content.write_volatile(bytes, offset);
                } else {
                    content.change(PendingChange::Write { offset, bytes: bytes.into() });
                }
            });
        }
        Ok(fits)
    }

    pub(super) fn set_size(&mut self, inode: &Inode, size: u64) -> io::Result<()> {
        let new = usize::try_from(size).map_err(|_| ErrorKind::FileTooLarge)?;
        if new > MAX_FILE_SIZE {
            return Err(ErrorKind::FileTooLarge.into());
        }
        let old = inode.content().seen().size();
        if new.saturating_sub(old) as u64 > self.room() {
            return Err(ErrorKind::StorageFull.into());
        }
        let is_volatile = self.is_volatile;
        self.account(inode, |content| {
            if is_volatile {
                content.set_size_volatile(new);
            } else {
                content.change(PendingChange::SetSize(new));
            }
        });
        Ok(())
    }

    /// Runs a change of a file, and updates `used`.
    pub(super) fn account(&mut self, inode: &Inode, change: impl FnOnce(&mut Content)) {
        let mut content = inode.content();
        let before = content.space();
        change(&mut content);
        self.used = self.used - before + content.space();
    }

    /// Writes a durable file under a durable path, replacing what was there, and creates missing
    /// directories.
    pub(super) fn write_durably(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let names = names_of(path)?;
        let (name, above) = names.split_last().ok_or(ErrorKind::IsADirectory)?;
        let mut parent = ROOT;
        for dir in above {
            let id = match self.names(parent).get(*dir) {
                Some(node) => node.directory()?,
                None => self.add_directory(Directory::default()),
            };
            self.directories[parent.0].bind_durably(dir, DirNode::Directory(id));
            parent = id;
        }
        let inode = match self.names(parent).get(*name) {
            Some(DirNode::Directory(_)) => return Err(ErrorKind::IsADirectory.into()),
            Some(DirNode::File(inode)) => Arc::clone(inode),
            None => {
                let inode = self.add_inode();
                self.account(&inode, |content| content.names += 1);
                inode
            }
        };
        self.account(&inode, |content| content.replace(bytes));
        self.directories[parent.0].bind_durably(name, DirNode::File(inode));
        Ok(())
    }

    /// Renames a directory, durably.
    pub(super) fn rename_dir(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let moved = self.directory(from.into())?;
        let (old_parent, old_name) = self.parent_of(from.into())?;
        let (parent, name) = self.free_name(to.into())?;
        self.directories[old_parent.0].unbind_durably(old_name);
        self.directories[parent.0].bind_durably(name, DirNode::Directory(moved));
        Ok(())
    }

    /// Removes a directory recursively, durably.
    pub(super) fn remove_dir(&mut self, path: &Path) -> io::Result<()> {
        let removed = self.directory(path.into())?;
        let (parent, name) = self.parent_of(path.into())?;
        self.directories[parent.0].unbind_durably(name);
        let mut stack = vec![removed];
        while let Some(directory) = stack.pop() {
            for node in self.directories[directory.0].remove() {
                match node {
                    DirNode::File(inode) => self.account(&inode, |content| content.names -= 1),
                    DirNode::Directory(id) => stack.push(id),
                }
            }
        }
        Ok(())
    }

    /// The paths of all files, sorted, each with its file.
    pub(super) fn files(&self) -> Vec<(PathBuf, Arc<Inode>)> {
        let mut files = Vec::new();
        let mut stack = vec![(PathBuf::from("/"), ROOT)];
        while let Some((path, directory)) = stack.pop() {
            for (name, node) in self.names(directory) {
                match node {
                    DirNode::File(inode) => files.push((path.join(name), Arc::clone(inode))),
                    DirNode::Directory(id) => stack.push((path.join(name), *id)),
                }
            }
        }
        files.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        files
    }

    /// Drops the pending changes of a file, or of the names in a directory.
    pub(super) fn lose_unsynced(&mut self, path: Location<'_>) -> io::Result<()> {
        match self.node(path)? {
            DirNode::File(inode) => inode.content().lose_unsynced(),
            DirNode::Directory(id) => self.directories[id.0].lose_unsynced(),
        }
        Ok(())
    }

    /// The disk after a power failure.
    pub(super) fn crash(&self, policy: CrashPolicy, seed: u64) -> Self {
        let mut survivor = Self { capacity: self.capacity, next_inode: self.next_inode, ..Self::new() };
        let mut inodes = HashMap::<u64, Arc<Inode>>::new();
        let mut stack = vec![(ROOT, ROOT)];
        while let Some((old, new)) = stack.pop() {
            let mut names = self.directories[old.0].crash(Dice::new(policy, seed, !(old.0 as u64)));
            for node in names.values_mut() {
                match node {
                    DirNode::Directory(id) => {
                        let copy = survivor.add_directory(Directory::default());
                        stack.push((*id, copy));
                        *id = copy;
                    }
                    DirNode::File(inode) => {
                        let copy = inodes
                            .entry(inode.id)
                            .or_insert_with(|| Arc::new(inode.crash(Dice::new(policy, seed, inode.id))));
                        survivor.account(copy, |content| content.names += 1);
                        *inode = Arc::clone(copy);
                    }
                }
            }
            survivor.directories[new.0] = Directory::durable(names);
        }
        survivor
    }

    fn room(&self) -> u64 {
        self.capacity.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.used))
    }

    fn bind(&mut self, directory: DirectoryId, name: &str, node: Option<DirNode>) {
        self.directories[directory.0].bind(name, node, self.is_volatile);
    }

    fn names(&self, directory: DirectoryId) -> &Names {
        self.directories[directory.0].names()
    }

    fn node(&self, at: Location<'_>) -> io::Result<DirNode> {
        self.descend(at.base, &names_of(at.path)?)
    }

    pub(super) fn directory(&self, at: Location<'_>) -> io::Result<DirectoryId> {
        self.node(at)?.directory()
    }

    /// The parent directory of a path, and the last name.
    fn parent_of<'path>(&self, at: Location<'path>) -> io::Result<(DirectoryId, &'path str)> {
        let names = names_of(at.path)?;
        let (name, above) = names.split_last().ok_or(ErrorKind::IsADirectory)?;
        Ok((self.descend(at.base, above)?.directory()?, name))
    }

    /// The same for a name that must not exist.
    fn free_name<'path>(&self, at: Location<'path>) -> io::Result<(DirectoryId, &'path str)> {
        match self.node(at) {
            Ok(_) => return Err(ErrorKind::AlreadyExists.into()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let (parent, name) = self.parent_of(at)?;
        if self.directories[parent.0].is_removed() {
            return Err(ErrorKind::NotFound.into());
        }
        Ok((parent, name))
    }

    fn descend(&self, base: DirectoryId, names: &[&str]) -> io::Result<DirNode> {
        let mut node = DirNode::Directory(base);
        for name in names {
            node = self.names(node.directory()?).get(*name).ok_or(ErrorKind::NotFound)?.clone();
        }
        Ok(node)
    }

    fn add_directory(&mut self, directory: Directory) -> DirectoryId {
        self.directories.push(directory);
        DirectoryId(self.directories.len() - 1)
    }

    fn add_inode(&mut self) -> Arc<Inode> {
        self.next_inode += 1;
        Arc::new(Inode::new(self.next_inode))
    }
}

fn names_of(path: &Path) -> io::Result<Vec<&str>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => names.push(name.to_str().ok_or(ErrorKind::InvalidInput)?),
            Component::ParentDir => {
                names.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    Ok(names)
}
