//! Each rule, shown to fail on what it forbids and to pass what it allows.

use super::documents::{self, Page};
use super::layers::STORE;
use super::source::{Role, Source, mark_tests};
use super::{Fault, Rule, figures, judge, language, layers, rules};

/// A file of the store.
fn store(path: &str, text: &str) -> Source {
    Source::new(STORE, &format!("{STORE}/{path}"), Role::Production, text)
}

fn integration_test(text: &str) -> Source {
    Source::new("tests/it", "tests/it/example.rs", Role::Test, text)
}

/// The lines that a rule finds fault with in one file.
fn lines(check: fn(&[Source]) -> Vec<Fault>, source: Source) -> Vec<usize> {
    check(&[source]).into_iter().map(|fault| fault.line).collect()
}

/// The faults of a file's imports, beside an empty file for each of some modules.
fn upward(path: &str, text: &str) -> Vec<String> {
    let mut sources: Vec<_> = ["error", "base", "codec", "wal", "sst", "engine", "table"]
        .into_iter()
        .filter(|module| !path.starts_with(module))
        .map(|module| store(&format!("{module}/mod.rs"), ""))
        .collect();
    sources.push(store(path, text));
    mark_tests(&mut sources);
    layers::upward(&sources).iter().map(ToString::to_string).collect()
}

#[test]
fn an_import_upward_or_sideways_is_found_by_file_line_and_layers() {
    let fault = upward("wal/segment.rs", "use crate::base::SeqNo;\nuse crate::engine::Engine;\n");
    assert_eq!(
        fault,
        ["walnut/src/wal/segment.rs:2: `wal` (layer 6) names `engine` (layer 9); imports point down only"]
    );
    let fault = upward("wal/mod.rs", "fn f() -> crate::sst::SstMeta { loop {} }");
    assert_eq!(
        fault,
        ["walnut/src/wal/mod.rs:1: `wal` (layer 6) names `sst` (layer 6); imports point down only"]
    );
}

#[test]
fn an_import_is_found_in_every_disguise() {
    for text in [
        "use crate::{base::{SeqNo, Kind}, engine::*};",
        "use crate::{\n    base,\n    engine,\n};",
        "use super::super::engine::Engine;",
        "use super::{super::engine::Engine, record};",
        "use self::super::super::engine;",
        "pub(in crate::engine) fn f() {}",
        "fn f() { crate::engine::open() }",
        "fn f() { use crate::engine; }",
        "fn f() { let v = vec![crate::engine::OPEN]; }",
        "macro_rules! m { () => { $crate::engine::open() } }",
        "#[cfg(not(test))] use crate::engine::Engine;",
        "#[cfg(any(test, feature = \"x\"))] use crate::engine::Engine;",
        "impl From<crate::engine::Engine> for u8 {}",
        "mod inner { use super::super::super::engine::Engine; }",
        "mod inner { use super::super::super::Engine; }",
        "use crate::Error;",
        "use crate::*;",
        "use super::super::*;",
    ] {
        assert_eq!(upward("wal/segment.rs", text).len(), 1, "{text}");
    }
}

#[test]
fn imports_down_inside_and_in_tests_are_allowed() {
    for text in [
        "use crate::error::{Error, Result};",
        "use crate::{base::SeqNo, codec::{Reader, Writer}};",
        "use super::record::Record;",
        "use super::super::base::SeqNo;",
        "use super::*;",
        "use crate::wal::record;",
        "use std::{io, fmt::{self, Debug}};",
        "mod inner { use super::super::record; }",
        "#[cfg(test)] mod tests { use crate::engine::Engine; }",
        "#[cfg(test)] use crate::engine::Engine;",
        "#[cfg(test)] fn f() { crate::engine::open() }",
        "impl X { #[cfg(test)] fn f() { crate::engine::open() } }",
        "fn f() { #[cfg(test)] let e = crate::engine::open(); }",
        "//! See [`Engine`](crate::engine::Engine).\n/// And [`crate::table`].\nfn f() {} // crate::table",
        "const TEXT: &str = \"crate::engine::open\";",
    ] {
        assert_eq!(upward("wal/segment.rs", text), [""; 0], "{text}");
    }
}

#[test]
fn error_names_nothing_and_the_root_may_name_anything() {
    assert_eq!(upward("error.rs", "use crate::base::SeqNo;").len(), 1);
    assert_eq!(upward("lib.rs", "mod engine; pub use crate::engine::Engine; pub use table::Key;"), [""; 0]);
    assert_eq!(upward("__private.rs", "pub use crate::table::Key;"), [""; 0]);
}

#[test]
fn a_module_without_a_layer_is_found() {
    assert_eq!(
        upward("cellar/mod.rs", ""),
        ["walnut/src/cellar/mod.rs:1: module `cellar` has no layer; give it one in the table of layers"]
    );
}

#[test]
fn a_file_below_a_module_of_tests_is_a_test() {
    let sources = || [store("wal/mod.rs", "#[cfg(test)] mod tests;"), store("engine.rs", "")];
    for (path, fault_count) in [("wal/tests/crash.rs", 0), ("wal/tests.rs", 0), ("wal/testing.rs", 1)] {
        let mut sources = Vec::from(sources());
        sources.push(store(path, "use crate::engine::Engine;"));
        mark_tests(&mut sources);
        assert_eq!(layers::upward(&sources).len(), fault_count, "{path}");
    }
}

#[test]
fn a_ring_of_modules_is_found() {
    let ring = |last| {
        let imports = layers::imports(&[
            store("error.rs", ""),
            store("wal.rs", "use crate::{error, sst};"),
            store("sst.rs", "use crate::{error, codec};"),
            store("codec.rs", last),
        ]);
        layers::cycle(&imports)
    };
    assert_eq!(ring("use crate::error;"), None);
    assert_eq!(ring("use crate::wal;"), Some(["codec", "wal", "sst"].map(str::to_owned).to_vec()));
}

#[test]
fn a_file_may_have_500_lines_besides_its_tests() {
    let tests = "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n";
    let file =
        |lines: usize| store("wal.rs", &("//! Head.\n".to_owned() + &"// line\n".repeat(lines - 1) + tests));
    assert_eq!(lines(rules::long_files, file(500)), [0; 0]);
    assert_eq!(lines(rules::long_files, file(501)), [1]);
    assert_eq!(lines(rules::long_files, integration_test(&"// line\n".repeat(501))), [0; 0]);
}

#[test]
fn a_function_may_have_70_lines() {
    let body = |lines: usize| format!("fn f() {{\n{}}}", "    g();\n".repeat(lines - 2));
    for (before, after, line) in [
        ("/// Doc.\n", "", 2),
        ("impl X {\n", "\n}", 2),
        ("trait X {\n", "\n}", 2),
        ("fn outer() { let c = || {\n", "\n}; }", 1),
    ] {
        let nesting = usize::from(before.contains("outer")) * 2;
        let file = |lines: usize| store("wal.rs", &(before.to_owned() + &body(lines) + after));
        assert_eq!(lines(rules::long_functions, file(70 - nesting)), [0; 0], "{before}");
        assert_eq!(lines(rules::long_functions, file(71 - nesting))[0], line, "{before}");
    }
    assert_eq!(lines(rules::long_functions, store("wal.rs", &format!("#[cfg(test)]\n{}", body(90)))), [0; 0]);
}

#[test]
fn a_file_without_a_head_is_found() {
    assert_eq!(lines(rules::headless, store("wal.rs", "use std::io;\n")), [1]);
    assert_eq!(lines(rules::headless, store("wal.rs", "")), [1]);
    assert_eq!(lines(rules::headless, store("wal.rs", "/// Of the first item.\nfn f() {}")), [1]);
    assert_eq!(lines(rules::headless, store("wal.rs", "//! The log.\n")), [0; 0]);
}

#[test]
fn unfinished_work_is_found_in_code_and_comments() {
    for word in
        ["// TO-DO", "// FIX-ME later", "fn f() { to-do!() }", "fn f() { unimple-mented!(\"later\") }"]
    {
        let text = format!("//! Head.\n{}\n", word.replace('-', ""));
        assert_eq!(lines(rules::unfinished, store("wal.rs", &text)), [2], "{text}");
        assert_eq!(lines(rules::unfinished, integration_test(&text)), [2], "{text}");
    }
    assert_eq!(lines(rules::unfinished, store("wal.rs", "//! What is to do is done.\n")), [0; 0]);
}

#[test]
fn the_file_system_is_found_outside_env() {
    for text in ["use std::fs;", "use std::{fs::File, io};", "fn f() { ::std::fs::read(\"x\"); }"] {
        assert_eq!(lines(rules::file_system, store("wal.rs", text)), [1], "{text}");
        assert_eq!(lines(rules::file_system, store("env/os.rs", text)), [0; 0], "{text}");
        assert_eq!(lines(rules::file_system, integration_test(text)), [0; 0], "{text}");
    }
    assert_eq!(lines(rules::file_system, store("wal.rs", "#[cfg(test)] mod tests { use std::fs; }")), [0; 0]);
    assert_eq!(lines(rules::file_system, store("environment.rs", "use std::fs;")), [1]);
}

#[test]
fn a_test_that_sleeps_is_found() {
    for text in [
        "use std::thread::{self, sleep};",
        "fn f() {\n    thread::sleep(t) }",
        "macro_rules! m { () => { std::thread::sleep } }",
    ] {
        assert_eq!(lines(rules::sleeping, integration_test(text)).len(), 1, "{text}");
        let unit_test = format!("#[cfg(test)] mod tests {{ {text} }}");
        assert_eq!(lines(rules::sleeping, store("wal.rs", &unit_test)).len(), 1, "{text}");
        assert_eq!(lines(rules::sleeping, store("wal.rs", text)), [0; 0], "{text}");
    }
}

#[test]
fn an_ignored_test_is_found() {
    for text in [
        "#[test]\n#[ignore]\nfn f() {}",
        "\n#[ignore = \"slow\"] fn f() {}",
        "proptest! {\n#[ignore]\nfn f() {} }",
    ] {
        assert_eq!(lines(rules::ignored, integration_test(text)), [2], "{text}");
    }
    assert_eq!(
        lines(rules::ignored, integration_test("/// Not `#[ignore]`.\nfn ignore() { ignore[0] }")),
        [0; 0]
    );
}

#[test]
fn unsafe_code_is_found_outside_its_files() {
    for text in
        ["unsafe fn f() {}", "fn f() { unsafe { g() } }", "macro_rules! m { () => { unsafe { g() } } }"]
    {
        assert_eq!(lines(rules::unsafe_code, store("wal.rs", text)), [1], "{text}");
        assert_eq!(lines(rules::unsafe_code, integration_test(text)), [1], "{text}");
        assert_eq!(lines(rules::unsafe_code, store("sst/cache/slot.rs", text)), [0; 0], "{text}");
    }
    assert_eq!(lines(rules::unsafe_code, store("wal.rs", "#![deny(unsafe_code)]\n// unsafe")), [0; 0]);
}

#[test]
fn a_drawer_is_found() {
    for path in ["utils.rs", "wal/helpers.rs", "misc/mod.rs"] {
        assert_eq!(lines(rules::drawers, store(path, "")), [1], "{path}");
    }
    assert_eq!(lines(rules::drawers, store("wal/record.rs", "")), [0; 0]);
}

#[test]
fn an_exception_covers_its_file_and_rule_and_must_be_needed() {
    let faults = || rules::headless(&[store("wal.rs", "")]);
    let path = "walnut/src/wal.rs";
    assert_eq!(judge(Rule::Head, &faults(), &[]).len(), 1);
    assert_eq!(judge(Rule::Head, &faults(), &[(path, Rule::Head, "why")]), [""; 0]);
    assert_eq!(judge(Rule::Head, &faults(), &[(path, Rule::Name, "why")]).len(), 1);
    let idle = judge(Rule::Head, &[], &[(path, Rule::Head, "why")]);
    assert_eq!(idle, ["walnut/src/wal.rs: the exception from Head is no longer needed; remove it"]);
}

fn page(path: &str, text: &str) -> Page {
    Page { path: path.to_owned(), text: text.to_owned() }
}

fn texts(faults: &[Fault]) -> Vec<String> {
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let exists = |path: &str| path == "LICENSE" || path == "docs/design";
    let pages = [
        page(
            "docs/A.md",
            "# One two\n[a](B.md) [b](B.md#the-end) [c](#one-two) [d](https://example.org/x)\n",
        ),
        page(
            "docs/B.md",
            "## The `end`\n[a](../LICENSE) [b](design/)\n```text\n[c](gone.md)\n# No heading\n```\n",
        ),
    ];
    assert!(documents::dead_links(&pages, &exists).is_empty());
    let pages = [
        page("docs/A.md", "# One\n\n[a](gone.md), [b](B.md#start)\n[c](#two)\n"),
        page("docs/B.md", "[a](LICENSE) [b](#no-heading)\n```text\n# No heading\n```\n"),
    ];
    assert_eq!(
        texts(&documents::dead_links(&pages, &exists)),
        [
            "docs/A.md:3: `gone.md` leads nowhere",
            "docs/A.md:3: `B.md#start` leads nowhere",
            "docs/A.md:4: `#two` leads nowhere",
            "docs/B.md:1: `LICENSE` leads nowhere",
            "docs/B.md:1: `#no-heading` leads nowhere",
        ]
    );
}

#[test]
fn a_path_without_a_file_is_found() {
    let exists = |path: &str| ["walnut/src/wal/mod.rs", "tests/it/main.rs", "docs/A.md"].contains(&path);
    let pages = [
        page(
            "docs/A.md",
            "`wal/mod.rs`, `tests/it/main.rs`, `mod.rs`, `a b/c.rs`\n```text\nsst/gone.rs\n```\n",
        ),
        page("docs/B.md", "One.\n`wal/gone.rs` and `wal/mod.rs`"),
    ];
    let sources = [store("wal/mod.rs", "//! See docs/A.md.\n//! See (docs/design/gone.md).\n")];
    assert_eq!(
        texts(&documents::dead_paths(&pages, &sources, &exists)),
        [
            "docs/B.md:2: there is no `wal/gone.rs`",
            "walnut/src/wal/mod.rs:2: there is no `docs/design/gone.md`",
        ]
    );
}

#[test]
fn a_function_that_a_tour_does_not_pass_is_found() {
    let text =
        "//! A.\nimpl Log { fn write(&self) {} }\nfn open() {}\n#[cfg(test)]\nmod tests { fn lost() {} }\n";
    let tour = "# A\n`Log::gone`\n## Tour: a write\n1. `Log::write`, `wal::open` (`wal/mod.rs`), `Error::Full`.\n\
                2. `Log::write`\n   and `tests::lost` (`wal/mod.rs`).\n\n`Log::write`\n";
    assert_eq!(
        texts(&documents::lost_functions(&[page("docs/A.md", tour)], &[store("wal/mod.rs", text)])),
        [
            "docs/A.md:5: none of the files of this step declares `tests::lost`",
            "docs/A.md:8: none of the files of this step declares `Log::write`",
        ]
    );
}

#[test]
fn a_glossary_of_too_many_rows_is_found() {
    let glossary = |rows: usize| {
        let rows = "| a | b | |\n".repeat(rows);
        [page("docs/GLOSSARY.md", &format!("| word | meaning | not |\n|---|---|---|\n{rows}"))]
    };
    assert!(documents::long_glossary(&glossary(45)).is_empty());
    assert_eq!(documents::long_glossary(&glossary(46)).len(), 1);
}

#[test]
fn a_design_note_without_its_parts_is_found() {
    let whole = "# X\n## How it works\n## Invariants\n## Rejected\n";
    let list = page("docs/design/README.md", "[x](x.md)");
    assert!(documents::odd_notes(&[list, page("docs/design/x.md", whole)]).is_empty());
    let list = page("docs/design/README.md", "[x](x.md)");
    let pages = [
        list,
        page("docs/design/x.md", "## Rejected"),
        page("docs/design/y.md", whole),
        page("docs/decisions/1.md", ""),
    ];
    assert_eq!(
        texts(&documents::odd_notes(&pages)),
        [
            "docs/design/x.md:1: a design note has a section \"How it works\"",
            "docs/design/x.md:1: a design note has a section \"Invariants\"",
            "docs/design/y.md:1: docs/design/README.md does not list it",
            "docs/decisions/1.md:1: a design note goes into docs/design/, beside the others of its part",
        ]
    );
}

#[test]
fn a_word_of_our_own_is_found_in_comments_of_production_code_only() {
    let words = |source: Source| {
        let faults = language::words(&[source], &[]);
        faults.into_iter().map(|fault| fault.line).collect::<Vec<_>>()
    };
    for text in [
        "//! Whoever leads writes.",
        "/// Gives the key.\nfn f() {}",
        "fn f() {\n    // What stands there.\n}",
        "// (nobody)",
    ] {
        assert_eq!(words(store("wal.rs", text)).len(), 1, "{text}");
        assert_eq!(words(integration_test(text)), [0; 0], "{text}");
    }
    for text in [
        "/// The whole log.\nfn f() {}",
        "fn gives() {}",
        "/// ```\n/// let gives = 1;\n/// ```\nfn f() {}",
        "//! It_gives.",
    ] {
        assert_eq!(words(store("wal.rs", text)), [0; 0], "{text}");
    }
}

#[test]
fn a_module_that_is_pending_must_need_it() {
    let pending = |text| language::words(&[store("wal.rs", text)], &["wal"]).len();
    assert_eq!((pending("// Nobody."), pending("// No writer.")), (0, 1));
}

#[test]
fn a_comment_that_is_too_wide_is_found() {
    let wide = |columns: usize| {
        lines(language::wide_comments, store("wal.rs", &format!("// {}", "x".repeat(columns - 3))))
    };
    assert_eq!((wide(100), wide(101)), (vec![], vec![1]));
}

#[test]
fn a_type_that_is_declared_twice_is_found() {
    let twice = |paths: [&str; 2]| {
        let sources = paths.map(|path| store(path, "pub struct Reader;\n#[cfg(test)] struct Example;"));
        language::types_declared_twice(&sources, &[]).iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let fault = "walnut/src/sst.rs:1: `Reader` is declared in walnut/src/wal.rs too; give each its own name";
    assert_eq!(twice(["wal.rs", "sst.rs"]), [fault]);
    assert_eq!(twice(["env/os/unix.rs", "env/os/windows.rs"]), [""; 0]);
}

#[test]
fn a_circle_between_files_is_found_through_what_a_module_passes_on() {
    let circles = |last| {
        let sources = [
            store("wal/mod.rs", "mod a; mod b; pub(crate) use a::A; pub(crate) use b::B;"),
            store("wal/a.rs", "use super::B; pub(crate) struct A;"),
            store("wal/b.rs", last),
        ];
        let sources: Vec<_> = sources.iter().collect();
        figures::circles(&figures::imports_of_files(&sources)).len()
    };
    assert_eq!(circles("pub(crate) struct B;"), 0);
    assert_eq!(circles("use crate::wal::A; pub(crate) struct B(A);"), 1);
    assert_eq!(circles("use super::a::A; pub(crate) struct B(A);"), 1);
}
