//! The contract of `walnut::remote`, at the level of an adapter: keys and values, no tables.
//!
//! Each check has keys of its own, so all of them can run on one server at the same time.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use walnut::Durability;
use walnut::remote::{Engine, Failure, Limits, Mode, Session, Writes};

use crate::network::{Fate, Proxy};

/// A number generator, so that a run is the same each time.
#[derive(Debug)]
pub struct Random(pub u64);

impl Random {
    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bytes = self.0.to_be_bytes();
        usize::from(u16::from_be_bytes([bytes[0], bytes[1]])) % bound
    }
}

/// A key of one check: `check` is its name.
fn key(check: &str, rest: &str) -> Vec<u8> {
    format!("{check}/{rest}").into_bytes()
}

/// Writes some puts and removals.
fn writes(changes: &[(&[u8], Option<&[u8]>)]) -> Writes {
    let mut writes = Writes::new();
    for (key, value) in changes {
        match value {
            Some(value) => writes.put(key, value),
            None => writes.remove(key),
        }
    }
    writes
}

/// A session that writes.
pub fn begin(engine: &dyn Engine) -> Box<dyn Session> {
    engine.begin(Mode::Write).expect("a session")
}

/// Commits blindly, as often as it takes.
pub fn put(engine: &dyn Engine, changes: &[(&[u8], Option<&[u8]>)]) {
    commit(engine, &writes(changes));
}

/// Commits blindly, as often as it takes: an engine that locks pages may see a conflict with a check
/// that runs at the same time.
fn commit(engine: &dyn Engine, writes: &Writes) {
    for _ in 0..100 {
        match begin(engine).commit(writes, Durability::Safe) {
            Err(Failure::Conflict) => {}
            outcome => return outcome.expect("a commit"),
        }
    }
    panic!("a hundred conflicts");
}

/// One of two transactions that exclude each other is a conflict, or both are.
fn assert_one_conflicts(a: Result<(), Failure>, b: Result<(), Failure>, check: &str) {
    let outcomes = [a, b];
    assert!(outcomes.contains(&Err(Failure::Conflict)), "{check}: {outcomes:?}");
    let expected = [Ok(()), Err(Failure::Conflict)];
    assert!(outcomes.iter().all(|outcome| expected.contains(outcome)), "{check}: {outcomes:?}");
}

/// The value of one key, read by itself.
pub fn get(engine: &dyn Engine, key: &[u8]) -> Option<Vec<u8>> {
    let values = engine.begin(Mode::One).expect("a session").get_many(&[key]).expect("a value");
    values.into_iter().next().expect("as many as keys")
}

/// Tries until the engine is available, a minute at most.
pub fn until_available<T>(mut attempt: impl FnMut() -> Result<T, Failure>) -> T {
    let begun = Instant::now();
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(Failure::Unavailable(text)) => {
                assert!(begun.elapsed() < Duration::from_secs(60), "{text}");
                thread::yield_now();
            }
            Err(failure) => panic!("{failure:?}"),
        }
    }
}

/// All entries between two keys, in pages of `limit`.
pub fn entries(
    session: &mut dyn Session,
    (mut start, mut end): (Vec<u8>, Option<Vec<u8>>),
    limit: usize,
    reverse: bool,
) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut all = Vec::new();
    loop {
        let page = session.scan(&start, end.as_deref(), limit, reverse).expect("a page");
        assert!(page.entries.len() <= limit, "a page of {} for {limit}", page.entries.len());
        all.extend(page.entries);
        match page.rest {
            None => return all,
            Some(rest) if reverse => end = Some(rest),
            Some(rest) => start = rest,
        }
    }
}

/// All reads of a session are of one state, also when all of it is replaced meanwhile.
pub fn reads_are_of_one_state(engine: &dyn Engine) {
    let (a, b, c) = (key("state", "a"), key("state", "b"), key("state", "c"));
    put(engine, &[(&a, Some(b"1")), (&b, Some(b"1"))]);
    for mode in [Mode::Read, Mode::Write] {
        let mut session = engine.begin(mode).expect("a session");
        session.pin().expect("a state");
        put(engine, &[(&a, Some(b"2")), (&b, None), (&c, Some(b"2"))]);
        let values = session.get_many(&[&c, &a, &b, &a]).expect("values");
        assert_eq!(values, [None, Some(b"1".to_vec()), Some(b"1".to_vec()), Some(b"1".to_vec())]);
        let range = (key("state", ""), Some(key("state", "~")));
        for reverse in [false, true] {
            let mut seen = entries(&mut *session, range.clone(), 1, reverse);
            seen.sort();
            assert_eq!(seen, [(a.clone(), b"1".to_vec()), (b.clone(), b"1".to_vec())]);
        }
        drop(session);
        assert_eq!(get(engine, &a), Some(b"2".to_vec()), "a session that begins later sees it");
        put(engine, &[(&a, Some(b"1")), (&b, Some(b"1")), (&c, None)]);
    }
    assert_eq!(engine.begin(Mode::Read).expect("a session").get_many(&[]), Ok(Vec::new()));
}

/// What a session reads of a pair of keys, before it writes the other one.
type Reader = fn(&mut dyn Session, &[u8]);

/// Two transactions read what the other one writes: one of them is a conflict. Keys that are there,
/// keys that are not, and ranges that are empty.
pub fn crossed_reads_and_writes_conflict(engine: &dyn Engine) {
    let get: Reader = |session, key| drop(session.get_many(&[key]).expect("a value"));
    let scan: Reader = |session, key| {
        let end = [key, b"~"].concat();
        session.scan(key, Some(&end), 10, false).expect("a page");
    };
    for (name, read) in [("get", get), ("scan", scan)] {
        for present in [false, true] {
            for removes in [false, true] {
                let check = format!("cross/{name}/{present}/{removes}");
                let (x, y) = (key(&check, "x"), key(&check, "y"));
                if present {
                    put(engine, &[(&x, Some(b"0")), (&y, Some(b"0"))]);
                }
                let (mut a, mut b) = (begin(engine), begin(engine));
                read(&mut *a, &x);
                read(&mut *b, &y);
                let value = (!removes).then_some(&b"1"[..]);
                let a = a.commit(&writes(&[(&y, value)]), Durability::Safe);
                let b = b.commit(&writes(&[(&x, value)]), Durability::Safe);
                // To remove what is not there changes nothing.
                if present || !removes {
                    assert_one_conflicts(a, b, &check);
                }
            }
        }
    }
}

/// Of two sessions that write one key the second is a conflict, without having read it.
pub fn a_key_that_both_write_conflicts(engine: &dyn Engine) {
    for (name, before, first) in [("new", None, Some(&b"1"[..])), ("old", Some(&b"0"[..]), Some(&b"1"[..]))] {
        for second in [Some(&b"2"[..]), None] {
            let k = key(&format!("both/{name}/{}", second.is_some()), "k");
            put(engine, &[(&k, before)]);
            let mut session = begin(engine);
            session.pin().expect("a state");
            put(engine, &[(&k, first)]);
            let outcome = session.commit(&writes(&[(&k, second)]), Durability::Safe);
            assert_eq!(outcome, Err(Failure::Conflict), "{name}, then {second:?}");
            assert_eq!(get(engine, &k).as_deref(), first, "nothing was done");
        }
    }
}

/// A session that is dropped leaves nothing, and no connection in use.
pub fn a_dropped_session_leaves_nothing(engine: &dyn Engine) {
    let k = key("dropped", "k");
    put(engine, &[(&k, Some(b"1"))]);
    for round in 0..100 {
        let mut session = engine.begin([Mode::One, Mode::Read, Mode::Write][round % 3]).expect("a session");
        match round % 4 {
            0 => {}
            1 => session.pin().expect("a state"),
            _ => drop(session.get_many(&[&k]).expect("a value")),
        }
    }
    let mut session = begin(engine);
    session.pin().expect("a state");
    drop(session);
    put(engine, &[(&k, Some(b"2"))]);
    assert_eq!(get(engine, &k), Some(b"2".to_vec()));
}

/// Pages of any size, either way, with and without an end, are the entries of a map.
pub fn pages_are_complete_both_ways(engine: &dyn Engine) {
    let (mut random, mut map) = (Random(7), BTreeMap::new());
    let mut changes = Writes::new();
    for _ in 0..60 {
        let mut name = key("pages", "");
        // Bytes 0 and 255 at any place: the order is that of unsigned bytes, a prefix first.
        name.extend((0..random.below(4)).map(|_| [0, 1, 97, 128, 255][random.below(5)]));
        let value = vec![b'v'; random.below(40)];
        changes.put(&name, &value);
        map.insert(name, value);
    }
    commit(engine, &changes);
    let mut bounds: Vec<Vec<u8>> = map.keys().cloned().collect();
    bounds.extend([key("pages", ""), key("pages", "~")]);
    for limit in [1, 2, 7, 1000] {
        let mut session = engine.begin(Mode::Read).expect("a session");
        for _ in 0..6 {
            let mut pick = || bounds[random.below(bounds.len())].clone();
            let (start, end) = (pick(), pick());
            for reverse in [false, true] {
                let mut expected: Vec<_> = map
                    .iter()
                    .filter(|(k, _)| **k >= start && **k < end)
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect();
                if reverse {
                    expected.reverse();
                }
                let seen = entries(&mut *session, (start.clone(), Some(end.clone())), limit, reverse);
                assert_eq!(seen, expected, "limit {limit}, reverse {reverse}");
            }
        }
    }
    // Without an end there are the keys of other checks behind.
    let mut session = engine.begin(Mode::Read).expect("a session");
    let open = entries(&mut *session, (key("pages", ""), None), 100, false);
    assert!(open.iter().map(|(k, _)| k).take(map.len()).eq(map.keys()), "without an end");
    let mut back = entries(&mut *session, (key("pages", ""), None), 100, true);
    back.reverse();
    assert_eq!(back, open, "one state, either way");
}

/// Large values end a page early, and each is whole.
pub fn a_page_of_large_values_is_divided(engine: &dyn Engine) {
    let size = engine.limits().value.min(900_000);
    let expected: Vec<_> = (0..12u8).map(|n| (key("large", &format!("{n:02}")), vec![n; size])).collect();
    for (name, value) in &expected {
        put(engine, &[(name, Some(value))]);
    }
    let mut session = engine.begin(Mode::Read).expect("a session");
    for reverse in [false, true] {
        let mut seen = entries(&mut *session, (key("large", ""), Some(key("large", "~"))), 1000, reverse);
        if reverse {
            seen.reverse();
        }
        assert!(seen == expected, "reverse: {reverse}");
    }
    let names: Vec<_> = expected.iter().map(|(name, _)| name.as_slice()).collect();
    let values = session.get_many(&names).expect("values");
    assert!(values.iter().zip(&expected).all(|(value, (_, expected))| value.as_ref() == Some(expected)));
}

/// A range is removed first, and a key that is put within it stays.
pub fn ranges_are_removed_before_keys_are_put(engine: &dyn Engine) {
    let names: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| key("ranges", name)).into();
    for name in &names {
        put(engine, &[(name, Some(b"old"))]);
    }
    let mut changes = Writes::new();
    changes.remove_range(&names[1], &names[4]);
    changes.put(&names[2], b"new");
    changes.remove(&names[0]);
    commit(engine, &changes);
    let mut session = engine.begin(Mode::Read).expect("a session");
    let seen = entries(&mut *session, (key("ranges", ""), Some(key("ranges", "~"))), 10, false);
    assert_eq!(seen, [(names[2].clone(), b"new".to_vec()), (names[4].clone(), b"old".to_vec())]);

    // A range that is removed conflicts with a change of a key in it.
    let mut session = begin(engine);
    session.pin().expect("a state");
    put(engine, &[(&names[2], Some(b"newer"))]);
    let mut changes = Writes::new();
    changes.remove_range(&names[1], &names[4]);
    assert_eq!(session.commit(&changes, Durability::Safe), Err(Failure::Conflict));
    assert_eq!(get(engine, &names[2]), Some(b"newer".to_vec()));
}

/// What is at a limit is accepted, what is past it is not, and nothing is done then.
pub fn limits_are_exact(engine: &dyn Engine) {
    let limits = engine.limits();
    let mut random = Random(11);
    let mut bytes = |mut bytes: Vec<u8>, size: usize| {
        // None that a server could compress.
        bytes.resize_with(size, || u8::try_from(random.below(256)).unwrap_or(0));
        bytes
    };
    let other = key("limits", "other");
    let (at, past) = (bytes(key("limits", ""), limits.key), bytes(key("limits", ""), limits.key + 1));
    put(engine, &[(&at, Some(b"1"))]);
    assert_eq!(get(engine, &at), Some(b"1".to_vec()));
    let outcome =
        begin(engine).commit(&writes(&[(&other, Some(b"1")), (&past, Some(b"1"))]), Durability::Safe);
    assert!(matches!(outcome, Err(Failure::TooLarge(_))), "{outcome:?}");

    let value = bytes(Vec::new(), limits.value);
    put(engine, &[(&at, Some(&value))]);
    assert!(get(engine, &at).is_some_and(|found| found == value));
    let value = vec![7; limits.value + 1];
    let outcome =
        begin(engine).commit(&writes(&[(&other, Some(b"1")), (&at, Some(&value))]), Durability::Safe);
    assert!(matches!(outcome, Err(Failure::TooLarge(_))), "{outcome:?}");

    let mut many = Writes::new();
    for n in 0..limits.commit_count {
        many.put(&key("limits/many", &format!("{n:06}")), b"");
    }
    commit(engine, &many);
    let mut none = Writes::new();
    for n in 0..limits.commit_count {
        none.remove(&key("limits/many", &format!("{n:06}")));
    }
    commit(engine, &none);
    many.put(&other, b"1");
    let outcome = begin(engine).commit(&many, Durability::Safe);
    assert!(matches!(outcome, Err(Failure::TooLarge(_))), "{outcome:?}");
    assert_eq!(get(engine, &other), None, "nothing was done");
    put(engine, &[(&at, None)]);
    commit_sizes_are_exact(engine, limits);
}

/// A commit of as many bytes as the limit says is accepted, one of a key more is not.
fn commit_sizes_are_exact(engine: &dyn Engine, limits: Limits) {
    let (mut full, mut emptied, mut left) = (Writes::new(), Writes::new(), limits.commit_size);
    for n in 0.. {
        let key = key("limits/full", &format!("{n:06}"));
        let Some(value_size) = left.checked_sub(key.len()) else { break };
        let value = vec![7; value_size.min(limits.value)];
        left -= key.len() + value.len();
        full.put(&key, &value);
        emptied.remove(&key);
    }
    assert_eq!(full.size(), limits.commit_size);
    commit(engine, &full);
    commit(engine, &emptied);
    full.put(&key("limits", "z"), b"");
    let outcome = begin(engine).commit(&full, Durability::Safe);
    assert!(matches!(outcome, Err(Failure::TooLarge(_))), "{outcome:?}");
    assert_eq!(get(engine, &key("limits/full", "000000")), None, "nothing was done");
}

/// Four hundred keys, read by one session.
fn read_many(session: &mut dyn Session, names: &[Vec<u8>], by_scan: bool) {
    if by_scan {
        let check = names[0].split(|byte| *byte == b'/').next().expect("a name");
        let range = ([check, b"/"].concat(), Some([check, b"/~"].concat()));
        assert_eq!(entries(session, range, 100, false).len(), names.len());
    } else {
        let names: Vec<_> = names.iter().map(Vec::as_slice).collect();
        assert!(session.get_many(&names).expect("values").iter().all(Option::is_some));
    }
}

fn put_many(engine: &dyn Engine, check: &str) -> Vec<Vec<u8>> {
    let names: Vec<_> = (0..400).map(|n| key(check, &format!("{n:04}"))).collect();
    for chunk in names.chunks(50) {
        let changes: Vec<_> = chunk.iter().map(|name| (name.as_slice(), Some(&b"0"[..]))).collect();
        put(engine, &changes);
    }
    names
}

/// Transactions that read far more than an engine may be able to compare still conflict.
pub fn a_large_read_set_conflicts(engine: &dyn Engine) {
    let names = put_many(engine, "many");
    let result = key("more", "");
    for by_scan in [false, true] {
        for (changed, value) in [(&names[250], Some(&b"1"[..])), (&names[17], None)] {
            let (mut a, mut b) = (begin(engine), begin(engine));
            read_many(&mut *a, &names, by_scan);
            // It reads what the other one writes, so no order of the two explains both.
            b.get_many(&[&result]).expect("a value");
            let b = b.commit(&writes(&[(changed, value)]), Durability::Safe);
            let a = a.commit(&writes(&[(&result, Some(b"sum"))]), Durability::Safe);
            assert_one_conflicts(a, b, &format!("by scan: {by_scan}, {value:?}"));
            put(engine, &[(changed, Some(b"0"))]);
        }
    }
}

/// A change that is far from everything that was read is no conflict. Engines that lock pages of an
/// index cannot promise it.
pub fn a_change_elsewhere_is_no_conflict(engine: &dyn Engine) {
    let names = put_many(engine, "near");
    let (result, far) = (key("none", ""), key("tar-away", "k"));
    for by_scan in [false, true] {
        for value in [Some(&b"1"[..]), None] {
            let mut session = begin(engine);
            read_many(&mut *session, &names, by_scan);
            put(engine, &[(&far, value)]);
            let outcome = session.commit(&writes(&[(&result, Some(b"sum"))]), Durability::Safe);
            assert_eq!(outcome, Ok(()), "by scan: {by_scan}, {value:?}");
        }
    }
}

/// Increments from many threads are each there once.
pub fn increments_are_not_lost(engine: &dyn Engine) {
    const THREADS: u64 = 4;
    const EACH: u64 = 25;
    let k = key("count", "k");
    let read = |value: Option<Vec<u8>>| {
        value.map_or(0, |bytes| u64::from_be_bytes(bytes.try_into().expect("eight bytes")))
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..EACH {
                    loop {
                        let mut session = begin(engine);
                        let outcome = session.get_many(&[&k]).and_then(|values| {
                            let next = read(values.into_iter().next().flatten()) + 1;
                            session.commit(&writes(&[(&k, Some(&next.to_be_bytes()))]), Durability::Fast)
                        });
                        match outcome {
                            Ok(()) => break,
                            Err(Failure::Conflict) => {}
                            Err(failure) => panic!("{failure:?}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!(read(get(engine, &k)), THREADS * EACH);
}

/// A commit without writes succeeds, after reads and without; a session that has ended is an error.
pub fn a_commit_may_be_empty(engine: &dyn Engine) {
    let k = key("empty", "k");
    begin(engine).commit(&Writes::new(), Durability::Safe).expect("nothing to do");
    let mut session = begin(engine);
    session.get_many(&[&k]).expect("a value");
    session.scan(&k, None, 3, false).expect("a page");
    session.commit(&Writes::new(), Durability::Safe).expect("nothing to do");
    let mut session = begin(engine);
    session.pin().expect("a state");
    session.commit(&writes(&[(&k, Some(b""))]), Durability::Group).expect("an empty value");
    assert_eq!(get(engine, &k), Some(Vec::new()));
}

/// The failure of a commit whose request, or whose reply, is lost: it says that it does not know,
/// and the commit has not happened, or has, which `witness` sees beside the proxy.
pub fn a_lost_reply_is_unknown(engine: &dyn Engine, witness: &dyn Engine, proxy: &Proxy, check: &str) {
    for fate in [Fate::RequestLost, Fate::ReplyLost, Fate::ReplyHeld, Fate::ReplyGarbled] {
        for reads in [false, true] {
            let k = key(check, &format!("{fate:?}/{reads}"));
            // So that there is a connection, on which the request goes out.
            until_available(|| engine.begin(Mode::One)?.get_many(&[&k]));
            let mut session = begin(engine);
            if reads {
                session.get_many(&[&k]).expect("a value");
            }
            let commit = || session.commit(&writes(&[(&k, Some(b"1"))]), Durability::Safe);
            let outcome = if fate == Fate::RequestLost {
                proxy.set(fate);
                commit()
            } else {
                proxy.set(Fate::ReplyHeld);
                thread::scope(|scope| {
                    let outcome = scope.spawn(commit);
                    let begun = Instant::now();
                    while get(witness, &k).is_none() {
                        assert!(begun.elapsed() < Duration::from_secs(60), "{fate:?}: not committed");
                    }
                    proxy.end_of_held(fate);
                    outcome.join().expect("no panic")
                })
            };
            assert!(matches!(outcome, Err(Failure::CommitUnknown(_))), "{fate:?}: {outcome:?}");
            proxy.set(Fate::Passed);
            let value = until_available(|| engine.begin(Mode::One)?.get_many(&[&k])).remove(0);
            assert_eq!(value.is_some(), fate != Fate::RequestLost, "{fate:?}");
        }
        // A read that is lost has not changed anything, and is not unknown.
        let mut session = engine.begin(Mode::Read).expect("a session");
        session.pin().expect("a state");
        proxy.set(fate);
        let outcome = session.get_many(&[b"any"]);
        let made_sense = !matches!(outcome, Err(Failure::Other(_))) || fate == Fate::ReplyGarbled;
        assert!(outcome.is_err() && made_sense, "{fate:?}: {outcome:?}");
        assert!(!matches!(outcome, Err(Failure::CommitUnknown(_))), "{fate:?}: {outcome:?}");
        proxy.set(Fate::Passed);
        proxy.close_all();
    }
    // All idle connections are gone: the next call makes another.
    let k = key(check, "last");
    until_available(|| engine.begin(Mode::One)?.get_many(&[&k]));
    proxy.close_all();
    until_available(|| engine.begin(Mode::One)?.get_many(&[&k]));
    put(engine, &[(&k, Some(b"1"))]);
}

/// A failure that says `word`, names `address`, and contains no `secret`.
pub fn assert_says(failure: &Failure, word: &str, address: &str, secret: &str) {
    let text = format!("{failure} {failure:?}");
    assert!(text.contains(word), "{word} is not in: {text}");
    assert!(text.contains(address), "{address} is not in: {text}");
    assert!(secret.is_empty() || !text.contains(secret), "a secret is in: {text}");
}

/// Declares a test for each check. `$engine` makes a guard whose `engine()` is the engine.
#[macro_export]
macro_rules! contract {
    ($start:path) => {
        $crate::contract!($start:
            reads_are_of_one_state, crossed_reads_and_writes_conflict, a_key_that_both_write_conflicts,
            a_dropped_session_leaves_nothing, pages_are_complete_both_ways, a_page_of_large_values_is_divided,
            ranges_are_removed_before_keys_are_put, limits_are_exact, a_large_read_set_conflicts,
            increments_are_not_lost, a_commit_may_be_empty);
    };
    ($start:path: $($check:ident),+) => {
        $(
            #[test]
            fn $check() {
                let (server, engine) = $start();
                $crate::contract::$check(&engine);
                drop((engine, server));
            }
        )+
    };
}
