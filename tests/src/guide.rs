//! The guide's programs, compiled and run as documentation tests: a chapter that promises what is not so fails here.

macro_rules! chapters {
    ($($chapter:ident $file:literal)*) => {
        $(
            #[doc = include_str!(concat!("../../docs/guide/src/", $file, ".md"))]
            mod $chapter {}
        )*
    };
}

chapters! {
    introduction "introduction"
    tutorial "tutorial"
    attributes "attributes"
    keys "keys"
    queries "queries"
    queues "queues"
    transactions "transactions"
    dynamic "dynamic"
    keyspaces "keyspaces"
    evolution "evolution"
    walnut_and_async "async"
    operations "operations"
    command "command"
    grow "grow"
    engines "engines"
    adapters "adapters"
    coming_from "coming-from"
    compile_errors "compile-errors"
}
