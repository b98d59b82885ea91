//! What the derives accept, and what the compiler says of what they and the types refuse: each file is a program of its
//! own, with the faults of one topic.
//!
//! `cargo test -p walnut-tests --test it -- ui:: trybuild=fail/index/` runs the files whose path contains the text.
//! `TRYBUILD=overwrite` before it writes down what the compiler says now; read the difference.

#[test]
fn programs_are_accepted_and_faults_told_under_their_smallest_token() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.pass("ui/hygiene/*.rs");
    cases.compile_fail("ui/fail/*/*.rs");
}
