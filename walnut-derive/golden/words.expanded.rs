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
        ///The index over `tenant`, `desc(created)`.
        pub newest: ::walnut::__private::Index<
            '__table,
            User,
            (u32, ::core::cmp::Reverse<i64>),
            __Access,
        >,
        ///The index over `nocase(name)`, `scale(price, 2)`.
        pub shelf: ::walnut::__private::Index<
            '__table,
            User,
            (
                ::walnut::__private::NoCase<Option<String>>,
                ::walnut::__private::Scaled<Decimal, 2u32>,
            ),
            __Access,
        >,
        ///The unique index over `User::domain`.
        pub domain: ::walnut::__private::Unique<
            '__table,
            User,
            ::walnut::__private::NoCase<String>,
            __Access,
        >,
        ///The index over `each(tags)`.
        pub tags: ::walnut::__private::Index<'__table, User, String, __Access>,
    }
    ///The names of the indexes of table `User`.
    pub struct __UserIndexNames {
        ///The name of the index over `tenant`, `desc(created)`.
        pub newest: ::walnut::__private::IndexName,
        ///The name of the index over `nocase(name)`, `scale(price, 2)`.
        pub shelf: ::walnut::__private::IndexName,
        ///The name of the unique index over `User::domain`.
        pub domain: ::walnut::__private::IndexName,
        ///The name of the index over `each(tags)`.
        pub tags: ::walnut::__private::IndexName,
    }
    struct __Parts;
    #[automatically_derived]
    impl ::walnut::__private::KeyPart<__Parts, 4usize> for User {
        type Key = u32;
        fn part(&self) -> &u32 {
            &self.tenant
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::IndexColumn<__Parts, 1usize> for User {
        type Value = i64;
        type Encoding = ::walnut::__private::Descending<::walnut::__private::Plain>;
        fn value(&self) -> &i64 {
            &self.created
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::IndexColumn<__Parts, 2usize> for User {
        type Value = Option<String>;
        type Encoding = ::walnut::__private::CaseFolded;
        fn value(&self) -> &Option<String> {
            &self.name
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::IndexColumn<__Parts, 3usize> for User {
        type Value = Decimal;
        type Encoding = ::walnut::__private::FixedPoint<2u32>;
        fn value(&self) -> &Decimal {
            &self.price
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::IndexElements<__Parts, 5usize> for User {
        type Value = Vec<String>;
        type Encoding = ::walnut::__private::Plain;
        fn value(&self) -> ::core::option::Option<&Vec<String>> {
            ::core::option::Option::Some(&self.tags)
        }
    }
    const _: () = ::core::assert!(
        ::walnut::__private::key_is_exact:: < User > (),
        "field `id` cannot stand in the primary key: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    const _: () = ::core::assert!(
        ::walnut::__private::encoding_is_exact:: < ::walnut::__private::CaseFolded,
        String > (),
        "what is computed cannot stand in the unique index `domain`: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    const _: () = ::core::assert!(
        ::walnut::__private::column_is_optional:: < User, __Parts, 2usize > () ||
        ::walnut::__private::column_is_optional:: < User, __Parts, 3usize > (),
        "index `shelf` is `sparse`, which leaves out rows in which a part is missing, and none of its parts can be; a part that can is an `Option`"
    );
    #[automatically_derived]
    impl ::walnut::__private::TableMapper for User {
        type PrimaryKey = u64;
        const SCHEMA: ::walnut::__private::TableSchema = ::walnut::__private::TableSchema::new(
                "User",
                &[
                    ::walnut::__private::FieldSchema::new("id", "u64"),
                    ::walnut::__private::FieldSchema::new("tags", "Vec<String>"),
                    ::walnut::__private::FieldSchema::new("name", "Option<String>"),
                    ::walnut::__private::FieldSchema::new("price", "Decimal"),
                    ::walnut::__private::FieldSchema::new("tenant", "u32"),
                    ::walnut::__private::FieldSchema::new("created", "i64"),
                ],
                &["id"],
                &[
                    ::walnut::__private::IndexSchema::new(
                            "newest",
                            false,
                            &["tenant", "desc(created)"],
                        )
                        .was("latest"),
                    ::walnut::__private::IndexSchema::new(
                            "shelf",
                            false,
                            &["nocase(name)", "scale(price, 2)"],
                        )
                        .sparse(),
                    ::walnut::__private::IndexSchema::new(
                        "domain",
                        true,
                        &["nocase(: String)"],
                    ),
                    ::walnut::__private::IndexSchema::new("tags", false, &["each(tags)"]),
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
                newest: ::walnut::__private::Index::new(__table, 0usize),
                shelf: ::walnut::__private::Index::new(__table, 1usize),
                domain: ::walnut::__private::Unique::new(__table, 2usize),
                tags: ::walnut::__private::Index::new(__table, 3usize),
            }
        }
        fn index_names() -> __UserIndexNames {
            __UserIndexNames {
                newest: ::walnut::__private::IndexName::new("User", "newest"),
                shelf: ::walnut::__private::IndexName::new("User", "shelf"),
                domain: ::walnut::__private::IndexName::new("User", "domain"),
                tags: ::walnut::__private::IndexName::new("User", "tags"),
            }
        }
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
                    ::walnut::__private::index_column::<
                        Self,
                        __Parts,
                        1usize,
                    >(self, __entries);
                    __entries.finish();
                }
                1usize => {
                    ::walnut::__private::index_column::<
                        Self,
                        __Parts,
                        2usize,
                    >(self, __entries);
                    ::walnut::__private::index_column::<
                        Self,
                        __Parts,
                        3usize,
                    >(self, __entries);
                    __entries.finish_sparse();
                }
                2usize => {
                    ::walnut::__private::index_computed::<
                        String,
                        ::walnut::__private::CaseFolded,
                    >(User::domain(self), __entries);
                    __entries.finish();
                }
                3usize => {
                    ::walnut::__private::index_elements::<
                        Self,
                        __Parts,
                        5usize,
                    >(self, __entries);
                    __entries.finish();
                }
                _ => {}
            }
        }
        fn generated_number(&self) -> ::core::option::Option<::core::primitive::u128> {
            ::walnut::__private::generated_number::<Self>(self)
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
                    ::walnut::__private::skip_column::<Self, __Parts, 1usize>(__input)?;
                }
                1usize => {
                    ::walnut::__private::skip_column::<Self, __Parts, 2usize>(__input)?;
                    ::walnut::__private::skip_column::<Self, __Parts, 3usize>(__input)?;
                }
                2usize => {
                    ::walnut::__private::skip_encoding::<
                        ::walnut::__private::CaseFolded,
                        String,
                    >(__input)?;
                }
                3usize => {
                    ::walnut::__private::skip_element::<Self, __Parts, 5usize>(__input)?;
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
                        ::walnut::__private::column_shape::<Self, __Parts, 1usize>(),
                    ])
                }
                1usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::column_shape::<Self, __Parts, 2usize>(),
                        ::walnut::__private::column_shape::<Self, __Parts, 3usize>(),
                    ])
                }
                2usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::encoding_shape::<
                            ::walnut::__private::CaseFolded,
                            String,
                        >(),
                    ])
                }
                3usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::elements_shape::<Self, __Parts, 5usize>(),
                    ])
                }
                _ => ::walnut::__private::Vec::new(),
            }
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::GeneratesKey for User {
        type Generated = u64;
        fn generated_key(&self) -> &u64 {
            &self.id
        }
        fn set_generated_key(&mut self, __key: u64) {
            self.id = __key;
        }
    }
};
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
    struct __Parts;
    #[automatically_derived]
    impl ::walnut::__private::KeyPart<__Parts, 0usize> for Id {
        type Key = u64;
        fn part(&self) -> &u64 {
            &self.number
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::Generated for Id
    where
        for<'__any> u64: ::walnut::__private::Generated,
    {
        const GENERATOR: ::walnut::__private::KeyGenerator = <u64 as ::walnut::__private::Generated>::GENERATOR;
        fn from_number(__number: ::core::primitive::u128) -> Self {
            Self {
                number: <u64 as ::walnut::__private::Generated>::from_number(__number),
            }
        }
        fn number(&self) -> ::core::option::Option<::core::primitive::u128> {
            ::walnut::__private::Generated::number(&self.number)
        }
    }
    #[automatically_derived]
    impl ::walnut::__private::Key for Id {
        type Ref<'__point> = Self;
        fn encode_ref(__point: &Self, __out: &mut ::walnut::__private::KeyWriter) {
            ::walnut::__private::Key::encode(__point, __out);
        }
        fn ref_is_none(__point: &Self) -> ::core::primitive::bool {
            ::walnut::__private::Key::is_none(__point)
        }
        const EXACT: ::core::primitive::bool = ::walnut::__private::part_is_exact::<
            Self,
            __Parts,
            0usize,
        >();
        const OPTIONAL: ::core::primitive::bool = ::walnut::__private::part_is_optional::<
            Self,
            __Parts,
            0usize,
        >();
        fn key_shape() -> ::walnut::__private::KeyShape {
            ::walnut::__private::KeyShape::tuple([
                ::walnut::__private::part_shape::<Self, __Parts, 0usize>(),
            ])
        }
        fn encode(&self, __out: &mut ::walnut::__private::KeyWriter) {
            ::walnut::__private::encode_part::<Self, __Parts, 0usize>(self, __out);
        }
        fn decode(
            __input: &mut ::walnut::__private::KeyReader<'_>,
        ) -> ::walnut::__private::Result<Self, ::walnut::__private::Fault> {
            ::core::result::Result::Ok(Self {
                number: ::walnut::__private::decode_part::<
                    Self,
                    __Parts,
                    0usize,
                >(__input)?,
            })
        }
        fn skip(
            __input: &mut ::walnut::__private::KeyReader<'_>,
        ) -> ::walnut::__private::Result<(), ::walnut::__private::Fault> {
            ::walnut::__private::skip_part::<Self, __Parts, 0usize>(__input)?;
            ::core::result::Result::Ok(())
        }
        fn is_none(&self) -> ::core::primitive::bool {
            ::walnut::__private::part_is_none::<Self, __Parts, 0usize>(self)
        }
    }
};
