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
    ///The indexes of table `Row`.
    pub struct __RowIndexes<
        '__table,
        __Access: ::walnut::__private::Access,
        K: Clone,
        const N: usize,
        V,
    >
    where
        V: Default,
        Row<K, N, V>: ::walnut::__private::TableMapper,
    {
        ///The index over `key`, `id`.
        pub both: ::walnut::__private::Index<'__table, Row<K, N, V>, (K, u64), __Access>,
        ///The unique index over `key`.
        pub key: ::walnut::__private::Unique<'__table, Row<K, N, V>, K, __Access>,
    }
    ///The names of the indexes of table `Row`.
    pub struct __RowIndexNames {
        ///The name of the index over `key`, `id`.
        pub both: ::walnut::__private::IndexName,
        ///The name of the unique index over `key`.
        pub key: ::walnut::__private::IndexName,
    }
    struct __Parts;
    #[automatically_derived]
    impl<K: Clone, const N: usize, V> ::walnut::__private::KeyPart<__Parts, 0usize>
    for Row<K, N, V>
    where
        V: Default,
        Self: ::walnut::__private::Serialize + ::walnut::__private::DeserializeOwned
            + ::core::marker::Send + ::core::marker::Sync + 'static,
        K: ::walnut::__private::Key,
    {
        type Key = u64;
        fn part(&self) -> &u64 {
            &self.id
        }
    }
    #[automatically_derived]
    impl<K: Clone, const N: usize, V> ::walnut::__private::KeyPart<__Parts, 1usize>
    for Row<K, N, V>
    where
        V: Default,
        Self: ::walnut::__private::Serialize + ::walnut::__private::DeserializeOwned
            + ::core::marker::Send + ::core::marker::Sync + 'static,
        K: ::walnut::__private::Key,
    {
        type Key = K;
        fn part(&self) -> &K {
            &self.key
        }
    }
    #[automatically_derived]
    impl<K: Clone, const N: usize, V> ::walnut::__private::TableMapper for Row<K, N, V>
    where
        V: Default,
        Self: ::walnut::__private::Serialize + ::walnut::__private::DeserializeOwned
            + ::core::marker::Send + ::core::marker::Sync + 'static,
        K: ::walnut::__private::Key,
    {
        type PrimaryKey = u64;
        const SCHEMA: ::walnut::__private::TableSchema = {
            let __constant = ::walnut::__private::TableSchema::new(
                    "Row",
                    &[
                        ::walnut::__private::FieldSchema::new("id", "u64"),
                        ::walnut::__private::FieldSchema::new("key", "K"),
                        ::walnut::__private::FieldSchema::new("bytes", "[u8;N]"),
                        ::walnut::__private::FieldSchema::new("value", "V"),
                    ],
                    &["id"],
                    &[
                        ::walnut::__private::IndexSchema::new(
                            "both",
                            false,
                            &["key", "id"],
                        ),
                        ::walnut::__private::IndexSchema::new("key", true, &["key"]),
                    ],
                )
                .shaped(Self::row_shape);
            ::core::assert!(
                ::walnut::__private::key_is_exact:: < Self > (),
                "field `id` cannot stand in the primary key: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
            );
            ::core::assert!(
                ::walnut::__private::part_is_exact:: < Self, __Parts, 1usize > (),
                "field `key` cannot stand in the unique index `key`: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
            );
            __constant
        };
        type By<'__table, __Access: ::walnut::__private::Access + '__table> = __RowIndexes<
            '__table,
            __Access,
            K,
            N,
            V,
        >;
        type Ix = __RowIndexNames;
        fn by<__Access: ::walnut::__private::Access>(
            __table: &::walnut::__private::DefaultTable<Self, __Access>,
        ) -> __RowIndexes<'_, __Access, K, N, V> {
            __RowIndexes {
                both: ::walnut::__private::Index::new(__table, 0usize),
                key: ::walnut::__private::Unique::new(__table, 1usize),
            }
        }
        fn index_names() -> __RowIndexNames {
            __RowIndexNames {
                both: ::walnut::__private::IndexName::new("Row", "both"),
                key: ::walnut::__private::IndexName::new("Row", "key"),
            }
        }
        const LOSSLESS: ::core::primitive::bool = {
            #[allow(unused_imports)]
            use ::walnut::__private::MaybeLossy as _;
            ::walnut::__private::Serde::<u64>::IS_LOSSLESS
                && ::walnut::__private::Serde::<K>::IS_LOSSLESS
                && ::walnut::__private::Serde::<[u8; N]>::IS_LOSSLESS
                && ::walnut::__private::Serde::<V>::IS_LOSSLESS
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
                        1usize,
                    >(self, __entries);
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        0usize,
                    >(self, __entries);
                    __entries.finish();
                }
                1usize => {
                    ::walnut::__private::index_part::<
                        Self,
                        __Parts,
                        1usize,
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
                    ::walnut::__private::skip_part::<Self, __Parts, 1usize>(__input)?;
                    ::walnut::__private::skip_part::<Self, __Parts, 0usize>(__input)?;
                }
                1usize => {
                    ::walnut::__private::skip_part::<Self, __Parts, 1usize>(__input)?;
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
                        ::walnut::__private::part_shape::<Self, __Parts, 1usize>(),
                        ::walnut::__private::part_shape::<Self, __Parts, 0usize>(),
                    ])
                }
                1usize => {
                    <::walnut::__private::Vec<
                        _,
                    > as ::core::convert::From<
                        _,
                    >>::from([
                        ::walnut::__private::part_shape::<Self, __Parts, 1usize>(),
                    ])
                }
                _ => ::walnut::__private::Vec::new(),
            }
        }
    }
};
