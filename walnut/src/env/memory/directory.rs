//! A directory of the machine in memory: the visible names, the durable names, and the changes in
//! between.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::crash::Dice;
use super::inode::Inode;

#[derive(Clone)]
pub(super) enum DirNode {
    File(Arc<Inode>),
    Directory(DirectoryId),
}

impl DirNode {
    /// Fails for a file.
    pub(super) fn directory(&self) -> io::Result<DirectoryId> {
        match self {
            Self::Directory(id) => Ok(*id),
            Self::File(_) => Err(io::ErrorKind::NotADirectory.into()),
        }
    }
}

/// The index of a directory on its disk; not reused after it is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct DirectoryId(pub(super) usize);

pub(super) type Names = BTreeMap<String, DirNode>;

#[derive(Default)]
pub(super) struct Directory {
    seen: Names,
    durable: Names,
    pending: Vec<(String, Option<DirNode>)>,
    is_removed: bool,
}

impl Directory {
    /// A directory whose names are all durable.
    pub(super) fn durable(names: Names) -> Self {
        Self { seen: names.clone(), durable: names, pending: Vec::new(), is_removed: false }
    }

    pub(super) fn names(&self) -> &Names {
        &self.seen
    }

    /// Binds a name to a node, or to nothing. On a volatile disk changes are not recorded for a
    /// crash.
    pub(super) fn bind(&mut self, name: &str, node: Option<DirNode>, is_volatile: bool) {
        if !is_volatile {
            self.pending.push((name.to_owned(), node.clone()));
        }
        apply(&mut self.seen, name.to_owned(), node);
    }

    /// Binds a name to a node, durably.
    pub(super) fn bind_durably(&mut self, name: &str, node: DirNode) {
        self.pending.retain(|(pending, _)| pending != name);
        self.seen.insert(name.to_owned(), node.clone());
        self.durable.insert(name.to_owned(), node);
    }

    /// Removes a name, durably.
    pub(super) fn unbind_durably(&mut self, name: &str) {
        self.pending.retain(|(pending, _)| pending != name);
        self.seen.remove(name);
        self.durable.remove(name);
    }

    /// Removes all names, durably; returns their nodes.
    pub(super) fn remove(&mut self) -> impl Iterator<Item = DirNode> + use<> {
        let removed = std::mem::replace(self, Self { is_removed: true, ..Self::default() });
        removed.seen.into_values()
    }

    pub(super) fn is_removed(&self) -> bool {
        self.is_removed
    }

    pub(super) fn sync(&mut self) {
        for (name, node) in self.pending.drain(..) {
            apply(&mut self.durable, name, node);
        }
    }

    /// Drops the pending changes, as an operating system does after a failed sync.
    pub(super) fn lose_unsynced(&mut self) {
        self.pending.clear();
    }

    /// The names after a crash, still bound to the nodes from before it.
    pub(super) fn crash(&self, mut dice: Dice) -> Names {
        let mut versions = BTreeMap::<&str, Vec<&Option<DirNode>>>::new();
        for (name, node) in &self.pending {
            versions.entry(name).or_default().push(node);
        }
        let mut names = self.durable.clone();
        for (name, versions) in versions {
            if let Some(last) = dice.survivors(versions.len()).checked_sub(1) {
                apply(&mut names, name.to_owned(), versions[last].clone());
            }
        }
        names
    }
}

fn apply(names: &mut Names, name: String, node: Option<DirNode>) {
    match node {
        Some(node) => names.insert(name, node),
        None => names.remove(&name),
    };
}
