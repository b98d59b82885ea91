//! The events that a subscriber of `tracing` receives.

use std::fmt;
use std::sync::Mutex as StdMutex;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;
use crate::env::{FaultEffect, FaultPlan, Operation};

/// Collects the events of the store, a line each: the name and the fields.
#[derive(Clone, Default)]
struct Collector(Arc<StdMutex<Vec<String>>>);

impl Collector {
    fn heard(&self, name: &str) -> Vec<String> {
        let events = self.0.lock().unwrap();
        events.iter().filter(|event| event.starts_with(name)).cloned().collect()
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "walnut"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.0.lock().unwrap().push(format!("{}{}", line.name, line.fields));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Line {
    name: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "message" => self.name = format!("{value:?}"),
            name => self.fields += &format!(" {name}={value:?}"),
        }
    }
}

#[test]
fn each_background_step_is_told_and_no_key_or_value_is() {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), || {
        let env = FaultEnv::over_memory(machine());
        let engine = open(&env).unwrap();
        for n in 0..300 {
            put(&engine, n * 7 % 100, n).unwrap();
        }
        env.inject(FaultPlan::once(Operation::Create, 0, FaultEffect::Error).in_files(".sst.tmp"));
        engine.compact().unwrap_err();
        engine.compact().unwrap();
        for n in 200..500 {
            put(&engine, n, n).unwrap();
        }
        engine.checkpoint().unwrap();
        engine.close().unwrap();
        open(&env).unwrap();
    });
    let recovered = collector.heard("recovered");
    assert_eq!(recovered.len(), 2);
    assert!(
        recovered[0].contains("sst_count=0") && recovered[1].contains("memtable_count=0"),
        "{recovered:?}"
    );
    assert!(collector.heard("flushed").len() > 3);
    let merged = collector.heard("merged");
    let fields = ["input_count=", "input_size=", "output_count=", "output_size=", "output_level=6", "time="];
    assert!(merged.iter().any(|event| fields.iter().all(|field| event.contains(field))), "{merged:?}");
    assert!(!collector.heard("moved").is_empty());
    let all = collector.heard("");
    assert!(all.iter().all(|event| !event.contains("\\u{7}\\u{7}")), "{all:?}");
}

#[test]
fn a_step_that_failed_is_told_with_its_reason() {
    let collector = Collector::default();
    tracing::subscriber::with_default(collector.clone(), || {
        let env = FaultEnv::over_memory(machine());
        let engine = open(&env).unwrap();
        for n in 0..300 {
            put(&engine, n * 7 % 100, n).unwrap();
        }
        engine.flush_everything().unwrap();
        env.inject(FaultPlan::for_ever(Operation::Create, 0, FaultEffect::Error).in_files(".sst.tmp"));
        put(&engine, 1, 1).unwrap();
        assert!(!engine.compact_while(|version| compaction::full(version)));
        env.heal();
    });
    let failed = collector.heard("failed");
    assert!(
        failed.len() == 1 && failed[0].contains("compaction") && failed[0].contains(".sst.tmp"),
        "{failed:?}"
    );
}
