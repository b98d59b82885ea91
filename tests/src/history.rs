//! Finds anomalies in a history of transactions that append to lists and read them whole.
//!
//! Every element is appended once, so a list that was read tells which transactions came before and in which order. These
//! are the edges of a graph of dependencies:
//!
//! ```text
//!   ww   wrote the element right after the other's       wr   read a list that ends with the other's element
//!   rw   read a list that lacks the other's element      session   one thread did one after the other
//! ```
//!
//! 1. A history is serializable if these edges form no cycle; of a cycle the edges in it say which anomaly it is.
//! 2. What a transaction read counts only if it committed. Of one whose end is not known, the lists at the end tell
//!    whether it did.
//! 3. The lists at the end are the order of all versions: each list that was read is the beginning of one of them.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

/// Lists by their number.
pub type Lists = BTreeMap<u64, Vec<u64>>;

/// What a transaction did to one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Appended an element, which no other transaction ever appends.
    Append(u64, u64),
    /// Read the list, its own elements included.
    Read(u64, Vec<u64>),
}

/// How a transaction ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Its commit was acknowledged.
    Committed,
    /// It was rolled back, or lost.
    Aborted,
    /// The power went before its commit returned.
    Unknown,
}

/// A transaction of a history.
#[derive(Clone, Debug)]
pub struct Done {
    /// Its session: the transactions of one follow each other in the order of the history.
    pub session: u64,
    /// What it did.
    pub deeds: Vec<Deed>,
    /// How it ended.
    pub end: End,
}

/// What is wrong with a history; transactions by their places in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// An element was read, or is there at the end, that no transaction appended to this list.
    Garbage(u64),
    /// An element is twice in a list.
    Twice(u64),
    /// An element of a transaction that was rolled back was read, or is there at the end.
    AbortedG1a(u64),
    /// A list was read as it was in the middle of another transaction.
    IntermediateG1b(u64),
    /// A list that was read is not the beginning of the list at the end.
    Incompatible(usize),
    /// A transaction did not see what it had read or written itself.
    Internal(usize),
    /// An acknowledged transaction is not there, or only a part of one is.
    Lost(usize),
    /// A cycle of `ww` edges.
    WriteCycleG0(Vec<usize>),
    /// A cycle of edges without `rw`.
    CircularG1c(Vec<usize>),
    /// A cycle with one `rw` edge.
    SkewGSingle(Vec<usize>),
    /// A cycle with several `rw` edges.
    AntiDependencyG2(Vec<usize>),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    WriteWrite,
    WriteRead,
    Session,
    ReadWrite,
}

/// Where an element comes from.
struct Source {
    writer: usize,
    list: u64,
    /// Whether its transaction appended nothing to the list after it.
    is_last: bool,
}

struct Checker<'h> {
    history: &'h [Done],
    end: &'h Lists,
    sources: HashMap<u64, Source>,
    anomalies: Vec<Anomaly>,
    /// By transaction: those that come after it.
    edges: Vec<Vec<(usize, Kind)>>,
}

/// Everything that is wrong with a history, given the lists at its end. Of several cycles through the same transactions one
/// is told, the worst kind first.
pub fn check(history: &[Done], end: &Lists) -> Vec<Anomaly> {
    let edges = vec![Vec::new(); history.len()];
    let mut checker = Checker { history, end, sources: HashMap::new(), anomalies: Vec::new(), edges };
    checker.find_sources();
    checker.look_at_end();
    for (number, done) in history.iter().enumerate() {
        if done.end == End::Committed {
            checker.look_at_reads(number, done);
        }
    }
    checker.link_writers();
    checker.link_sessions();
    checker.find_cycles();
    checker.anomalies
}

impl Checker<'_> {
    fn find_sources(&mut self) {
        for (writer, done) in self.history.iter().enumerate() {
            let mut last = HashMap::new();
            for act in &done.deeds {
                let Deed::Append(key, element) = *act else { continue };
                if let Some(before) = last.insert(key, element)
                    && let Some(source) = self.sources.get_mut(&before)
                {
                    source.is_last = false;
                }
                let source = Source { writer, list: key, is_last: true };
                assert!(self.sources.insert(element, source).is_none(), "each element is appended once");
            }
        }
    }

    /// Elements that are there at the end, and those that are not.
    fn look_at_end(&mut self) {
        let mut there = HashSet::new();
        for (&list, elements) in self.end {
            for &element in elements {
                if !there.insert(element) {
                    self.anomalies.push(Anomaly::Twice(element));
                }
                self.look_at_element(list, element);
            }
        }
        for (number, done) in self.history.iter().enumerate() {
            let appended = || done.deeds.iter().filter_map(element_of);
            let missing = appended().filter(|element| !there.contains(element)).count();
            let is_lost = match done.end {
                End::Committed => missing > 0,
                End::Aborted => false,
                End::Unknown => missing > 0 && missing < appended().count(),
            };
            if is_lost {
                self.anomalies.push(Anomaly::Lost(number));
            }
        }
    }

    fn look_at_element(&mut self, list: u64, element: u64) {
        match self.sources.get(&element) {
            Some(source) if source.list == list => {
                if self.history[source.writer].end == End::Aborted {
                    self.anomalies.push(Anomaly::AbortedG1a(element));
                }
            }
            _ => self.anomalies.push(Anomaly::Garbage(element)),
        }
    }

    fn look_at_reads(&mut self, reader: usize, done: &Done) {
        let none = Vec::new();
        // By list: what it must be read as, if that is known, or how it must end.
        let mut known: HashMap<u64, (bool, Vec<u64>)> = HashMap::new();
        for deed in &done.deeds {
            match deed {
                Deed::Append(list, element) => known.entry(*list).or_default().1.push(*element),
                Deed::Read(list, read) => {
                    let (is_whole, expected) = known.entry(*list).or_default();
                    let is_right = if *is_whole { expected == read } else { read.ends_with(expected) };
                    if !is_right {
                        self.anomalies.push(Anomaly::Internal(reader));
                    }
                    let own = if *is_whole { 0 } else { expected.len() };
                    (*is_whole, *expected) = (true, read.clone());
                    if own > 0 || !read.iter().any(|element| self.is_of(*element, reader)) {
                        let foreign = &read[..read.len() - own.min(read.len())];
                        self.link_read(reader, *list, foreign);
                    }
                    if !self.end.get(list).unwrap_or(&none).starts_with(read) {
                        self.anomalies.push(Anomaly::Incompatible(reader));
                    }
                }
            }
        }
    }

    fn is_of(&self, element: u64, transaction: usize) -> bool {
        self.sources.get(&element).is_some_and(|source| source.writer == transaction)
    }

    /// The edges of a read of a list as others left it.
    fn link_read(&mut self, reader: usize, list: u64, read: &[u64]) {
        for &element in read {
            self.look_at_element(list, element);
        }
        if let Some(source) = read.last().and_then(|last| self.sources.get(last))
            && source.writer != reader
        {
            if !source.is_last {
                self.anomalies.push(Anomaly::IntermediateG1b(*read.last().expect("it has a source")));
            }
            self.edges[source.writer].push((reader, Kind::WriteRead));
        }
        let next = self.end.get(&list).and_then(|elements| elements.get(read.len()));
        if let Some(source) = next.and_then(|next| self.sources.get(next))
            && source.writer != reader
        {
            self.edges[reader].push((source.writer, Kind::ReadWrite));
        }
    }

    fn link_writers(&mut self) {
        for elements in self.end.values() {
            for pair in elements.windows(2) {
                let (Some(one), Some(next)) = (self.sources.get(&pair[0]), self.sources.get(&pair[1])) else {
                    continue;
                };
                if one.writer != next.writer {
                    self.edges[one.writer].push((next.writer, Kind::WriteWrite));
                }
            }
        }
    }

    fn link_sessions(&mut self) {
        let mut last = HashMap::new();
        for (number, done) in self.history.iter().enumerate() {
            if done.end == End::Committed
                && let Some(before) = last.insert(done.session, number)
            {
                self.edges[before].push((number, Kind::Session));
            }
        }
    }

    fn find_cycles(&mut self) {
        for ring in self.rings() {
            let members: HashSet<usize> = ring.iter().copied().collect();
            let anomaly = self.name_cycle(&ring, &members);
            self.anomalies.push(anomaly);
        }
    }

    /// A cycle among these transactions, of the worst kind that there is.
    fn name_cycle(&self, ring: &[usize], members: &HashSet<usize>) -> Anomaly {
        let cycle = |first: fn(Kind) -> bool, rest: fn(Kind) -> bool| {
            ring.iter().find_map(|&start| {
                let steps =
                    self.edges[start].iter().filter(|(to, kind)| members.contains(to) && first(*kind));
                steps.into_iter().find_map(|&(to, _)| {
                    let mut path = self.path(to, start, members, rest)?;
                    path.insert(0, start);
                    path.pop();
                    Some(path)
                })
            })
        };
        let is_write: fn(Kind) -> bool = |kind| kind == Kind::WriteWrite;
        let is_told: fn(Kind) -> bool = |kind| kind != Kind::ReadWrite;
        if let Some(cycle) = cycle(is_write, is_write) {
            Anomaly::WriteCycleG0(cycle)
        } else if let Some(cycle) = cycle(is_told, is_told) {
            Anomaly::CircularG1c(cycle)
        } else if let Some(cycle) = cycle(|kind| kind == Kind::ReadWrite, is_told) {
            Anomaly::SkewGSingle(cycle)
        } else {
            Anomaly::AntiDependencyG2(cycle(|_| true, |_| true).unwrap_or_else(|| ring.to_vec()))
        }
    }

    /// The shortest way along edges of some kinds, both ends included.
    fn path(
        &self,
        from: usize,
        to: usize,
        members: &HashSet<usize>,
        may: fn(Kind) -> bool,
    ) -> Option<Vec<usize>> {
        let mut before = HashMap::from([(from, from)]);
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            if at == to {
                let mut path = vec![to];
                while path.last() != Some(&from) {
                    path.push(before[path.last().expect("it has an end")]);
                }
                path.reverse();
                return Some(path);
            }
            for &(next, kind) in &self.edges[at] {
                if may(kind) && members.contains(&next) && !before.contains_key(&next) {
                    before.insert(next, at);
                    queue.push_back(next);
                }
            }
        }
        None
    }

    /// The sets of transactions that can all be reached from each other (Tarjan's way, without recursion).
    fn rings(&self) -> Vec<Vec<usize>> {
        const UNSEEN: usize = usize::MAX;
        let count = self.edges.len();
        let (mut order, mut low, mut on_stack) = (vec![UNSEEN; count], vec![0; count], vec![false; count]);
        let (mut stack, mut rings, mut next_order) = (Vec::new(), Vec::new(), 0);
        for root in 0..count {
            let mut calls = if order[root] == UNSEEN { vec![(root, 0)] } else { Vec::new() };
            while let Some(&mut (at, ref mut edge)) = calls.last_mut() {
                if *edge == 0 {
                    (order[at], low[at], on_stack[at]) = (next_order, next_order, true);
                    next_order += 1;
                    stack.push(at);
                }
                if let Some(&(to, _)) = self.edges[at].get(*edge) {
                    *edge += 1;
                    if order[to] == UNSEEN {
                        calls.push((to, 0));
                    } else if on_stack[to] {
                        low[at] = low[at].min(order[to]);
                    }
                    continue;
                }
                calls.pop();
                if let Some(&(parent, _)) = calls.last() {
                    low[parent] = low[parent].min(low[at]);
                }
                if low[at] == order[at] {
                    let begin = stack.iter().rposition(|&node| node == at).expect("it was pushed");
                    let ring = stack.split_off(begin);
                    for &node in &ring {
                        on_stack[node] = false;
                    }
                    if ring.len() > 1 {
                        rings.push(ring);
                    }
                }
            }
        }
        rings
    }
}

fn element_of(deed: &Deed) -> Option<u64> {
    match deed {
        Deed::Append(_, element) => Some(*element),
        Deed::Read(..) => None,
    }
}
