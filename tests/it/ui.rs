//! What the derives accept, and what they say of what they do not: each file is a program of its own.
//!
//! `TRYBUILD=overwrite cargo test -p walnut-tests ui` writes down what the compiler says now; read the difference.

#[test]
fn programs_are_accepted_and_faults_told_under_their_smallest_token() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.pass("ui/hygiene/*.rs");
    cases.compile_fail("ui/fail/*/*.rs");
}
