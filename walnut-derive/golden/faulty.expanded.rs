::core::compile_error! {
    "unknown word `nam`, did you mean `name`? (`#[table(..)]` knows `name`, `primary_key`, `version`, `migrate_from`, `history`, `crate`)"
}
::core::compile_error! {
    "unknown word `uniqe`, did you mean `unique`? (`#[index(..)]` on a field knows `unique`, `each`, `nocase`, `scale`, `sparse`, `was`)"
}
::core::compile_error! {
    "`User` has no primary key: put `#[primary_key]` on a field, or `#[table(primary_key = (first, second))]` on the struct"
}
::core::compile_error! {
    "`User` has no field `agee`, did you mean `age`?"
}
::core::compile_error! {
    "a row is read from disk and owns its data, so a table has no lifetime"
}
::core::compile_error! {
    "a row is read from disk and owns its data: take `String` instead of a reference"
}
#[doc(hidden)]
#[allow(
    dead_code,
    deprecated,
    missing_debug_implementations,
    non_camel_case_types,
    non_snake_case,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    clippy::all,
    clippy::pedantic
)]
const _: () = {
    ///The indexes of table `User`.
    pub struct __UserIndexes<'__table, __Access: ::walnut::__private::Access> {
        ///The index over `city`, `age`.
        pub city_age: ::walnut::__private::Index<
            '__table,
            User<'static>,
            (::walnut::__private::AnyKey<&'static str>, u8),
            __Access,
        >,
        ///The index over `city`.
        pub city: ::walnut::__private::Unique<
            '__table,
            User<'static>,
            ::walnut::__private::AnyKey<&'static str>,
            __Access,
        >,
    }
    ///The names of the indexes of table `User`.
    pub struct __UserIndexNames {
        ///The name of the index over `city`, `age`.
        pub city_age: ::walnut::__private::IndexName,
        ///The name of the index over `city`.
        pub city: ::walnut::__private::IndexName,
    }
    #[automatically_derived]
    impl ::walnut::__private::TableMapper for User<'static> {
        type PrimaryKey = u64;
        const SCHEMA: ::walnut::__private::TableSchema = ::walnut::__private::TableSchema::new(
            "User",
            &[],
            &[],
            &[],
        );
        type By<'__table, __Access: ::walnut::__private::Access + '__table> = __UserIndexes<
            '__table,
            __Access,
        >;
        type Ix = __UserIndexNames;
        fn by<__Access: ::walnut::__private::Access>(
            __table: &::walnut::__private::DefaultTable<Self, __Access>,
        ) -> __UserIndexes<'_, __Access> {
            __UserIndexes {
                city_age: ::walnut::__private::Index::new(__table, 0usize),
                city: ::walnut::__private::Unique::new(__table, 1usize),
            }
        }
        fn index_names() -> __UserIndexNames {
            __UserIndexNames {
                city_age: ::walnut::__private::IndexName::new("User", "city_age"),
                city: ::walnut::__private::IndexName::new("User", "city"),
            }
        }
        fn encode_primary_key(&self, _: &mut ::walnut::__private::KeyWriter) {}
        fn encode_index(
            &self,
            _: ::core::primitive::usize,
            _: &mut ::walnut::__private::IndexEntries,
        ) {}
        fn encode_row(
            &self,
            _: &mut ::walnut::__private::Vec<::core::primitive::u8>,
        ) -> ::walnut::__private::Result<()> {
            ::core::result::Result::Ok(())
        }
        fn decode_row(
            _: &[::core::primitive::u8],
        ) -> ::walnut::__private::Result<Self, ::walnut::__private::Fault> {
            ::core::result::Result::Err(::walnut::__private::Fault::Missing)
        }
    }
};
::core::compile_error! {
    "an enum whose variants have fields cannot be a key; a struct of keys can"
}
#[doc(hidden)]
#[allow(
    dead_code,
    deprecated,
    missing_debug_implementations,
    non_camel_case_types,
    non_snake_case,
    private_bounds,
    private_interfaces,
    unreachable_pub,
    clippy::all,
    clippy::pedantic
)]
const _: () = {
    #[automatically_derived]
    impl ::walnut::__private::Key for Kind {
        type Ref<'__point> = Self;
        fn encode(&self, _: &mut ::walnut::__private::KeyWriter) {}
        fn encode_ref(_: &Self, _: &mut ::walnut::__private::KeyWriter) {}
        fn decode(
            _: &mut ::walnut::__private::KeyReader<'_>,
        ) -> ::walnut::__private::Result<Self, ::walnut::__private::Fault> {
            ::core::result::Result::Err(::walnut::__private::Fault::Missing)
        }
    }
};
