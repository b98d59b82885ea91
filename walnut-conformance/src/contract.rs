//! What sessions of an engine keep, asked through the two traits alone.

use walnut::Durability;
use walnut::remote::{Engine, Failure, Mode, Page, Session, Writes};

use crate::{Outcome, described, ensure, unique_name};

type EngineCheck = fn(&dyn Engine) -> Outcome;

pub(crate) fn checks() -> Vec<(&'static str, EngineCheck)> {
    vec![
        ("contract: pages give every entry once, in order, from either end", paging),
        ("contract: all reads of a session are of one state", one_state),
        ("contract: a session sees every commit that was acknowledged before it", recent),
        ("contract: a commit is all or nothing, ranges before keys", atomic),
        ("contract: two commits of one key: the second conflicts", write_write),
        ("contract: a changed key that was read is a conflict", read_write),
        ("contract: a key that was absent and is there now is a conflict", absent_key),
        ("contract: an entry that has come into a scanned range is a conflict", phantom),
        ("contract: an entry that has come into a removed range is a conflict", removed_range),
        ("contract: what does not meet does not conflict", disjoint),
        ("contract: write skew is a conflict", write_skew),
        ("contract: reads without writes never conflict with later commits", read_only),
        ("contract: a dropped session leaves nothing", dropped),
        ("contract: keys and values of any bytes, up to the limits", bytes),
        ("contract: what exceeds a limit is TooLarge, and nothing is written", limits),
    ]
}

/// Keys of one check on one engine: all begin with a prefix of their own.
struct Keys {
    prefix: Vec<u8>,
}

impl Keys {
    fn new() -> Self {
        // Keyspace ids are never so large, so the keys of checks meet no table.
        let mut prefix = vec![0xfe, 0xff, 0xff, 0xff];
        prefix.extend_from_slice(unique_name("check").as_bytes());
        prefix.push(b'/');
        Self { prefix }
    }

    fn key(&self, rest: &[u8]) -> Vec<u8> {
        [&self.prefix, rest].concat()
    }

    fn end(&self) -> Vec<u8> {
        let mut end = self.prefix.clone();
        end.pop();
        end.push(b'/' + 1);
        end
    }
}

fn begin(engine: &dyn Engine, mode: Mode) -> Result<Box<dyn Session>, String> {
    engine.begin(mode).map_err(described)
}

fn pinned(engine: &dyn Engine) -> Result<Box<dyn Session>, String> {
    let mut session = begin(engine, Mode::Write)?;
    session.pin().map_err(described)?;
    Ok(session)
}

fn read(session: &mut Box<dyn Session>, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut values = session.get_many(&[key]).map_err(described)?;
    ensure(values.len() == 1, || format!("asked for one key it answers with {} values", values.len()))?;
    Ok(values.remove(0))
}

fn value(engine: &dyn Engine, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
    read(&mut begin(engine, Mode::One)?, key)
}

fn put_all(engine: &dyn Engine, entries: &[(Vec<u8>, &[u8])]) -> Outcome {
    let per_commit = engine.limits().commit_count.min(100);
    for entries in entries.chunks(per_commit) {
        let session = pinned(engine)?;
        let mut writes = Writes::new();
        for (key, value) in entries {
            writes.put(key, value);
        }
        session.commit(&writes, Durability::Safe).map_err(described)?;
    }
    Ok(())
}

fn put(engine: &dyn Engine, key: &[u8], value: &[u8]) -> Outcome {
    put_all(engine, &[(key.to_vec(), value)])
}

fn write(key: &[u8]) -> Writes {
    let mut writes = Writes::new();
    writes.put(key, b"written");
    writes
}

fn ensure_conflict(result: &Result<(), Failure>) -> Outcome {
    ensure(*result == Err(Failure::Conflict), || format!("{result:?} instead of a conflict"))
}

fn walk(
    engine: &dyn Engine,
    (start, end): (&[u8], &[u8]),
    limit: usize,
    reverse: bool,
) -> Result<Vec<Vec<u8>>, String> {
    let mut session = begin(engine, Mode::Read)?;
    let (mut start, mut end) = (start.to_vec(), end.to_vec());
    let mut keys = Vec::new();
    for _ in 0..10_000 {
        let Page { entries, rest } = session.scan(&start, Some(&end), limit, reverse).map_err(described)?;
        ensure(entries.len() <= limit, || {
            format!("a page of {} entries, {limit} were asked", entries.len())
        })?;
        keys.extend(entries.into_iter().map(|(key, _)| key));
        match rest {
            None => return Ok(keys),
            Some(rest) if reverse => end = rest,
            Some(rest) => start = rest,
        }
    }
    Err("a scan does not come to its end".to_owned())
}

fn paging(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let rests: [&[u8]; 6] = [b"", b"\0", b"a", b"a\0", b"a\xff", b"\xff\xff"];
    let mut expected: Vec<Vec<u8>> =
        (0..250u16).map(|number| keys.key(&[&b"n"[..], &number.to_be_bytes()].concat())).collect();
    expected.extend(rests.iter().map(|rest| keys.key(rest)));
    let entries: Vec<_> = expected.iter().map(|key| (key.clone(), &b"v"[..])).collect();
    put_all(engine, &entries)?;
    // Keys of the prefix alone are those that begin with it.
    let end = [&keys.prefix[..], &[0xff; 8]].concat();
    expected.sort();
    for limit in [1, 7, 100, 1000] {
        for reverse in [false, true] {
            let found = walk(engine, (&keys.prefix, &end), limit, reverse)?;
            let mut expected = expected.clone();
            if reverse {
                expected.reverse();
            }
            ensure(found == expected, || {
                format!(
                    "pages of {limit} (reverse: {reverse}) give {} of {} keys, or in another order",
                    found.len(),
                    expected.len()
                )
            })?;
        }
    }
    let (from, to) = (keys.key(b"n\0\x05"), keys.key(b"n\0\x09"));
    let found = walk(engine, (&from, &to), 2, false)?;
    ensure(found.len() == 4 && found[0] == from, || {
        "a range includes its start and excludes its end".to_owned()
    })?;
    let found = walk(engine, (&from, &to), 3, true)?;
    ensure(found.len() == 4 && found[3] == from, || "so it does from its end".to_owned())?;
    ensure(walk(engine, (&to, &to), 3, true)?.is_empty(), || "an empty range has no entries".to_owned())
}

fn one_state(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let (a, b, c) = (keys.key(b"a"), keys.key(b"b"), keys.key(b"c"));
    put_all(engine, &[(a.clone(), b"1"), (b.clone(), b"1")])?;
    for mode in [Mode::Read, Mode::Write] {
        let mut session = begin(engine, mode)?;
        let before = read(&mut session, &a)?;
        let mut writes = Writes::new();
        writes.put(&a, b"2");
        writes.put(&b, b"2");
        writes.put(&c, b"2");
        pinned(engine)?.commit(&writes, Durability::Safe).map_err(described)?;
        let after = (read(&mut session, &b)?, read(&mut session, &c)?, read(&mut session, &a)?);
        let page = session.scan(&keys.prefix, Some(&keys.end()), 10, false).map_err(described)?;
        ensure(after.0 == before && after.2 == before, || {
            format!("{mode:?}: it reads a commit after its state")
        })?;
        let is_absent = after.1.is_none() || mode == Mode::Write;
        ensure(is_absent, || format!("{mode:?}: it reads a key that was not there"))?;
        let is_old = page.entries.iter().all(|(key, value)| key == &c || Some(value) == before.as_ref());
        ensure(is_old, || format!("{mode:?}: a scan sees a commit after its state"))?;
        put_all(engine, &[(a.clone(), b"1"), (b.clone(), b"1")])?;
    }
    let mut session = pinned(engine)?;
    put(engine, &a, b"3")?;
    let seen = read(&mut session, &a)?;
    ensure(seen.as_deref() == Some(b"1"), || "a pinned session reads a later commit".to_owned())
}

fn recent(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let key = keys.key(b"k");
    for round in 0..20u8 {
        put(engine, &key, &[round])?;
        let (seen, mut session) = (value(engine, &key)?, begin(engine, Mode::Read)?);
        let scanned = session.scan(&key, None, 1, false).map_err(described)?;
        let scanned = scanned.entries.into_iter().next().map(|(_, value)| value);
        ensure(seen.as_deref() == Some(&[round]), || "a get misses an acknowledged commit".to_owned())?;
        ensure(scanned.as_deref() == Some(&[round]), || "a scan misses an acknowledged commit".to_owned())?;
    }
    Ok(())
}

fn atomic(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let (a, b, c, d) = (keys.key(b"a"), keys.key(b"b"), keys.key(b"c"), keys.key(b"d"));
    put_all(engine, &[(a.clone(), b"1"), (b.clone(), b"1"), (c.clone(), b"1")])?;
    let session = pinned(engine)?;
    let mut writes = Writes::new();
    if engine.limits().ranges > 0 {
        writes.remove_range(&a, &c);
    } else {
        writes.remove(&a);
    }
    writes.put(&b, b"2");
    writes.remove(&c);
    writes.remove(&d);
    writes.put(&d, b"");
    session.commit(&writes, Durability::Safe).map_err(described)?;
    let mut session = begin(engine, Mode::Read)?;
    let found = session.get_many(&[&d, &a, &b, &c, &d]).map_err(described)?;
    let expected = [Some(vec![]), None, Some(b"2".to_vec()), None, Some(vec![])];
    ensure(found == expected, || format!("after the commit {found:?}"))
}

fn write_write(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    for is_there in [false, true] {
        let key = keys.key(&[u8::from(is_there)]);
        if is_there {
            put(engine, &key, b"0")?;
        }
        let (one, other) = (pinned(engine)?, pinned(engine)?);
        one.commit(&write(&key), Durability::Safe).map_err(described)?;
        ensure_conflict(&other.commit(&write(&key), Durability::Safe))?;
        let other = pinned(engine)?;
        put(engine, &key, b"between")?;
        let mut removal = Writes::new();
        removal.remove(&key);
        ensure_conflict(&other.commit(&removal, Durability::Safe))?;
        ensure(value(engine, &key)?.as_deref() == Some(b"between"), || {
            "a commit that lost was done".to_owned()
        })?;
    }
    Ok(())
}

/// A session reads something and writes a key of its own, while another session reads that key and
/// changes what was read.
fn reads_and_loses(
    engine: &dyn Engine,
    keys: &Keys,
    reads: impl FnOnce(&mut Box<dyn Session>) -> Outcome,
    change: &Writes,
) -> Outcome {
    let own = keys.key(b"own");
    let mut session = begin(engine, Mode::Write)?;
    reads(&mut session)?;
    // The other session reads what this one writes, so neither of the two can come first.
    let mut other = begin(engine, Mode::Write)?;
    read(&mut other, &own)?;
    other.commit(change, Durability::Safe).map_err(described)?;
    ensure_conflict(&session.commit(&write(&own), Durability::Safe))?;
    ensure(value(engine, &own)?.is_none(), || "a commit that lost was done".to_owned())
}

fn read_write(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let key = keys.key(b"k");
    put(engine, &key, b"0")?;
    reads_and_loses(engine, &keys, |session| read(session, &key).map(drop), &write(&key))?;
    let mut removal = Writes::new();
    removal.remove(&key);
    reads_and_loses(engine, &keys, |session| read(session, &key).map(drop), &removal)
}

fn absent_key(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let key = keys.key(b"k");
    reads_and_loses(engine, &keys, |session| read(session, &key).map(drop), &write(&key))
}

fn phantom(engine: &dyn Engine) -> Outcome {
    for reverse in [false, true] {
        let keys = Keys::new();
        put_all(engine, &[(keys.key(b"a"), b"0"), (keys.key(b"z"), b"0")])?;
        let scan = |session: &mut Box<dyn Session>| {
            session.scan(&keys.key(b"a"), Some(&keys.key(b"zz")), 10, reverse).map(drop).map_err(described)
        };
        reads_and_loses(engine, &keys, scan, &write(&keys.key(b"m")))?;
    }
    let keys = Keys::new();
    let scan = |session: &mut Box<dyn Session>| {
        session.scan(&keys.key(b"a"), Some(&keys.key(b"b")), 10, false).map(drop).map_err(described)
    };
    reads_and_loses(engine, &keys, scan, &write(&keys.key(b"ab")))
}

fn removed_range(engine: &dyn Engine) -> Outcome {
    if engine.limits().ranges == 0 {
        return Ok(());
    }
    let keys = Keys::new();
    put(engine, &keys.key(b"a"), b"0")?;
    let session = pinned(engine)?;
    put(engine, &keys.key(b"a"), b"1")?;
    let mut writes = Writes::new();
    writes.remove_range(&keys.key(b"a"), &keys.key(b"m"));
    ensure_conflict(&session.commit(&writes, Durability::Safe))
}

fn disjoint(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    put(engine, &keys.key(b"a"), b"0")?;
    let mut session = begin(engine, Mode::Write)?;
    read(&mut session, &keys.key(b"a"))?;
    put(engine, &keys.key(b"far/away"), b"1")?;
    let done = session.commit(&write(&keys.key(b"own")), Durability::Safe);
    // An engine may see conflicts where there are none, but not always.
    if done == Err(Failure::Conflict) {
        let mut session = begin(engine, Mode::Write)?;
        read(&mut session, &keys.key(b"a"))?;
        return session.commit(&write(&keys.key(b"own")), Durability::Safe).map_err(described);
    }
    done.map_err(described)
}

fn write_skew(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let (a, b) = (keys.key(b"a"), keys.key(b"b"));
    put_all(engine, &[(a.clone(), b"1"), (b.clone(), b"1")])?;
    let (mut one, mut other) = (begin(engine, Mode::Write)?, begin(engine, Mode::Write)?);
    for session in [&mut one, &mut other] {
        session.get_many(&[&a, &b]).map_err(described)?;
    }
    let first = one.commit(&write(&a), Durability::Safe);
    let second = other.commit(&write(&b), Durability::Safe);
    ensure(first.is_err() || second.is_err(), || "both commits of a write skew were done".to_owned())
}

fn read_only(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let key = keys.key(b"k");
    put(engine, &key, b"0")?;
    let mut session = begin(engine, Mode::Write)?;
    read(&mut session, &key)?;
    put(engine, &key, b"1")?;
    session.commit(&Writes::new(), Durability::Safe).map_err(described)
}

fn dropped(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let key = keys.key(b"k");
    for mode in [Mode::One, Mode::Read, Mode::Write] {
        for _ in 0..40 {
            let mut session = begin(engine, mode)?;
            read(&mut session, &key)?;
        }
        drop(begin(engine, mode)?);
    }
    put(engine, &key, b"1")?;
    ensure(value(engine, &key)?.is_some(), || "a session that was dropped is in the way".to_owned())
}

fn bytes(engine: &dyn Engine) -> Outcome {
    let keys = Keys::new();
    let limits = engine.limits();
    let all: Vec<u8> = (0..=255).collect();
    let long = vec![0xab; limits.value.min(64 << 10).min(limits.commit_size.saturating_sub(4096).max(1))];
    let mut key = keys.key(&all);
    key.resize(limits.key.min(1 << 10).max(key.len()), 0);
    for (key, stored) in [(&key, &all), (&keys.key(b"long"), &long), (&keys.key(b"empty"), &Vec::new())] {
        put(engine, key, stored)?;
        let found = value(engine, key)?;
        ensure(found.as_ref() == Some(stored), || {
            format!(
                "a value of {} bytes comes back as one of {:?}",
                stored.len(),
                found.map(|found| found.len())
            )
        })?;
    }
    Ok(())
}

fn limits(engine: &dyn Engine) -> Outcome {
    let (keys, limits) = (Keys::new(), engine.limits());
    let mut past: Vec<(&str, Writes)> = Vec::new();
    if limits.value < 64 << 20 {
        let mut writes = Writes::new();
        writes.put(&keys.key(b"value"), &vec![0; limits.value + 1]);
        past.push(("value", writes));
    }
    if limits.key < 1 << 20 {
        let mut key = keys.key(b"key");
        key.resize(limits.key + 1, 0);
        past.push(("key", write(&key)));
    }
    if limits.commit_count < 100_000 {
        let mut writes = Writes::new();
        (0..=limits.commit_count).for_each(|number| writes.put(&keys.key(&number.to_be_bytes()), b""));
        past.push(("commit_count", writes));
    }
    for (limit, writes) in past {
        let refused = pinned(engine)?.commit(&writes, Durability::Safe);
        ensure(matches!(refused, Err(Failure::TooLarge(_))), || {
            format!("past the limit `{limit}` a commit is {refused:?}")
        })?;
        let found = walk(engine, (&keys.prefix, &keys.end()), 10, false)?;
        ensure(found.is_empty(), || format!("past the limit `{limit}` something was written"))?;
    }
    Ok(())
}
