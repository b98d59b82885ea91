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
    ///The indexes of table `users`.
    pub struct __UserIndexes<'__table, __Access: ::walnut::__private::Access> {
        ///The index over `city`, `age`.
        pub city_age: ::walnut::__private::Index<'__table, User, (String, u8), __Access>,
        ///The unique index over `tenant`, `email`.
        pub login: ::walnut::__private::Unique<'__table, User, (u32, String), __Access>,
        ///The unique index over `email`.
        pub email: ::walnut::__private::Unique<'__table, User, String, __Access>,
        ///The index over `age`.
        pub age: ::walnut::__private::Index<'__table, User, u8, __Access>,
        ///The index over `type`.
        pub r#type: ::walnut::__private::Index<'__table, User, Option<Kind>, __Access>,
    }
    ///The names of the indexes of table `users`.
    pub struct __UserIndexNames {
        ///The name of the index over `city`, `age`.
        pub city_age: ::walnut::__private::IndexName,
        ///The name of the unique index over `tenant`, `email`.
        pub login: ::walnut::__private::IndexName,
        ///The name of the unique index over `email`.
        pub email: ::walnut::__private::IndexName,
        ///The name of the index over `age`.
        pub age: ::walnut::__private::IndexName,
        ///The name of the index over `type`.
        pub r#type: ::walnut::__private::IndexName,
    }
    struct __Parts;
    #[automatically_derived]
    impl ::walnut::__private::KeyPart<__Parts, 1usize> for User {
        type Key = String;
        fn part(&self) -> &String {
            &self.email
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::KeyPart<__Parts, 2usize> for User {
        type Key = u8;
        fn part(&self) -> &u8 {
            &self.age
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::KeyPart<__Parts, 3usize> for User {
        type Key = Option<Kind>;
        fn part(&self) -> &Option<Kind> {
            &self.r#type
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::KeyPart<__Parts, 4usize> for User {
        type Key = String;
        fn part(&self) -> &String {
            &self.city
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::KeyPart<__Parts, 5usize> for User {
        type Key = u32;
        fn part(&self) -> &u32 {
            &self.tenant
        }
    }
    const _: () = ::core::assert!(
        ::walnut::__private::key_is_exact:: < User > (),
        "field `id` cannot stand in the primary key: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    const _: () = ::core::assert!(
        ::walnut::__private::part_is_exact:: < User, __Parts, 5usize > (),
        "field `tenant` cannot stand in the unique index `login`: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    const _: () = ::core::assert!(
        ::walnut::__private::part_is_exact:: < User, __Parts, 1usize > (),
        "field `email` cannot stand in the unique index `login`: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    const _: () = ::core::assert!(
        ::walnut::__private::part_is_exact:: < User, __Parts, 1usize > (),
        "field `email` cannot stand in the unique index `email`: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    #[automatically_derived]
    impl ::walnut::__private::TableMapper for User {
        type PrimaryKey = u64;
        const SCHEMA: ::walnut::__private::TableSchema = ::walnut::__private::TableSchema::new(
                "users",
                &[
                    ::walnut::__private::FieldSchema::new("id", "u64"),
                    ::walnut::__private::FieldSchema::new("email", "String"),
                    ::walnut::__private::FieldSchema::new("age", "u8"),
                    ::walnut::__private::FieldSchema::new("type", "Option<Kind>"),
                    ::walnut::__private::FieldSchema::new("city", "String"),
                    ::walnut::__private::FieldSchema::new("tenant", "u32"),
                ],
                &["id"],
                &[
                    ::walnut::__private::IndexSchema::new(
                        "city_age",
                        false,
                        &["city", "age"],
                    ),
                    ::walnut::__private::IndexSchema::new(
                        "login",
                        true,
                        &["tenant", "email"],
                    ),
                    ::walnut::__private::IndexSchema::new("email", true, &["email"]),
                    ::walnut::__private::IndexSchema::new("age", false, &["age"]),
                    ::walnut::__private::IndexSchema::new("type", false, &["type"]),
                ],
            )
            .shaped(Self::row_shape);
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
                login: ::walnut::__private::Unique::new(__table, 1usize),
                email: ::walnut::__private::Unique::new(__table, 2usize),
                age: ::walnut::__private::Index::new(__table, 3usize),
                r#type: ::walnut::__private::Index::new(__table, 4usize),
            }
        }
        fn index_names() -> __UserIndexNames {
            __UserIndexNames {
                city_age: ::walnut::__private::IndexName::new("users", "city_age"),
                login: ::walnut::__private::IndexName::new("users", "login"),
                email: ::walnut::__private::IndexName::new("users", "email"),
                age: ::walnut::__private::IndexName::new("users", "age"),
                r#type: ::walnut::__private::IndexName::new("users", "type"),
            }
        }
        const LOSSLESS: ::core::primitive::bool = {
            #[allow(unused_imports)]
            use ::walnut::__private::MaybeLossy as _;
            ::walnut::__private::Serde::<u64>::IS_LOSSLESS
                && ::walnut::__private::Serde::<String>::IS_LOSSLESS
                && ::walnut::__private::Serde::<u8>::IS_LOSSLESS
                && ::walnut::__private::Serde::<Option<Kind>>::IS_LOSSLESS
                && ::walnut::__private::Serde::<String>::IS_LOSSLESS
                && ::walnut::__private::Serde::<u32>::IS_LOSSLESS
        };
        fn encode_primary_key(&self, __out: &mut ::walnut::__private::KeyWriter) {
            ::walnut::__private::encode_key::<Self>(&self.id, __out);
        }
        fn encode_index(
            &self,
            __index: ::core::primitive::usize,
            __entries: &mut ::walnut::__private::IndexEntries,
        ) {
            match __index {
                0usize => {
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        4usize,
                    >(self, __entries);
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        2usize,
                    >(self, __entries);
                    __entries.finish();
                }
                1usize => {
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        5usize,
                    >(self, __entries);
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        1usize,
                    >(self, __entries);
                    __entries.finish();
                }
                2usize => {
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        1usize,
                    >(self, __entries);
                    __entries.finish();
                }
                3usize => {
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        2usize,
                    >(self, __entries);
                    __entries.finish();
                }
                4usize => {
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        3usize,
                    >(self, __entries);
                    __entries.finish();
                }
                _ => {}
            }
        }
        fn encode_row(
            &self,
            __out: &mut ::walnut::__private::Vec<::core::primitive::u8>,
        ) -> ::walnut::__private::Result<()> {
            <Self as ::walnut::__private::SerdeRow>::encode(self, __out)
        }
        fn encode_row_and_read(
            &self,
            __out: &mut ::walnut::__private::Vec<::core::primitive::u8>,
        ) -> ::walnut::__private::Result<Self> {
            <Self as ::walnut::__private::SerdeRow>::encode_and_read(self, __out)
        }
        fn decode_row(
            __bytes: &[::core::primitive::u8],
        ) -> ::walnut::__private::Result<Self, ::walnut::__private::Fault> {
            <Self as ::walnut::__private::SerdeRow>::decode(__bytes)
        }
        fn row_shape() -> ::walnut::__private::RowShape {
            <Self as ::walnut::__private::SerdeRow>::trace()
        }
        fn skip_index_key(
            __index: ::core::primitive::usize,
            __input: &mut ::walnut::__private::KeyReader<'_>,
        ) -> ::walnut::__private::Result<
            ::core::primitive::bool,
            ::walnut::__private::Fault,
        > {
            match __index {
                0usize => {
                    ::walnut::__private::skip_part::<Self, __Parts, 4usize>(__input)?;
                    ::walnut::__private::skip_part::<Self, __Parts, 2usize>(__input)?;
                }
                1usize => {
                    ::walnut::__private::skip_part::<Self, __Parts, 5usize>(__input)?;
                    ::walnut::__private::skip_part::<Self, __Parts, 1usize>(__input)?;
                }
                2usize => {
                    ::walnut::__private::skip_part::<Self, __Parts, 1usize>(__input)?;
                }
                3usize => {
                    ::walnut::__private::skip_part::<Self, __Parts, 2usize>(__input)?;
                }
                4usize => {
                    ::walnut::__private::skip_part::<Self, __Parts, 3usize>(__input)?;
                }
                _ => return ::core::result::Result::Ok(false),
            }
            ::core::result::Result::Ok(true)
        }
        fn index_shapes(
            __index: ::core::primitive::usize,
        ) -> ::walnut::__private::Vec<::walnut::__private::KeyShape> {
            match __index {
                0usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::part_shape::<Self, __Parts, 4usize>(),
                        ::walnut::__private::part_shape::<Self, __Parts, 2usize>(),
                    ])
                }
                1usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::part_shape::<Self, __Parts, 5usize>(),
                        ::walnut::__private::part_shape::<Self, __Parts, 1usize>(),
                    ])
                }
                2usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::part_shape::<Self, __Parts, 1usize>(),
                    ])
                }
                3usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::part_shape::<Self, __Parts, 2usize>(),
                    ])
                }
                4usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::part_shape::<Self, __Parts, 3usize>(),
                    ])
                }
                _ => ::walnut::__private::Vec::new(),
            }
        }
    }
};
