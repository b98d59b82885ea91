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
    ///The indexes of table `Event`.
    pub struct __EventIndexes<'__table, __Access: crate::renamed::__private::Access> {
        __table: ::core::marker::PhantomData<
            &'__table crate::renamed::__private::DefaultTable<Event, __Access>,
        >,
    }
    ///The names of the indexes of table `Event`.
    pub struct __EventIndexNames {}
    struct __Parts;
    #[automatically_derived]
    impl crate::renamed::__private::KeyPart<__Parts, 0usize> for Event {
        type Key = u64;
        fn part(&self) -> &u64 {
            &self.id
        }
    }
    #[automatically_derived]
    impl crate::renamed::__private::KeyPart<__Parts, 1usize> for Event {
        type Key = u32;
        fn part(&self) -> &u32 {
            &self.tenant
        }
    }
    const _: () = ::core::assert!(
        crate ::renamed::__private::part_is_exact:: < Event, __Parts, 1usize > (),
        "field `tenant` cannot stand in the primary key: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    const _: () = ::core::assert!(
        crate ::renamed::__private::part_is_exact:: < Event, __Parts, 0usize > (),
        "field `id` cannot stand in the primary key: values of its type are not told apart exactly (`Key::EXACT`), as is so with floating-point numbers"
    );
    #[automatically_derived]
    impl crate::renamed::__private::TableMapper for Event {
        type PrimaryKey = (u32, u64);
        const SCHEMA: crate::renamed::__private::TableSchema = crate::renamed::__private::TableSchema::new(
                "Event",
                &[
                    crate::renamed::__private::FieldSchema::new("id", "u64"),
                    crate::renamed::__private::FieldSchema::new("tenant", "u32"),
                    crate::renamed::__private::FieldSchema::new(
                        "text",
                        "std::string::String",
                    ),
                ],
                &["tenant", "id"],
                &[],
            )
            .shaped(Self::row_shape);
        type By<'__table, __Access: crate::renamed::__private::Access + '__table> = __EventIndexes<
            '__table,
            __Access,
        >;
        type Ix = __EventIndexNames;
        fn by<__Access: crate::renamed::__private::Access>(
            _: &crate::renamed::__private::DefaultTable<Self, __Access>,
        ) -> __EventIndexes<'_, __Access> {
            __EventIndexes {
                __table: ::core::marker::PhantomData,
            }
        }
        fn index_names() -> __EventIndexNames {
            __EventIndexNames {}
        }
        const LOSSLESS: ::core::primitive::bool = {
            #[allow(unused_imports)]
            use crate::renamed::__private::MaybeLossy as _;
            crate::renamed::__private::Serde::<u64>::IS_LOSSLESS
                && crate::renamed::__private::Serde::<u32>::IS_LOSSLESS
                && crate::renamed::__private::Serde::<std::string::String>::IS_LOSSLESS
        };
        fn encode_primary_key(&self, __out: &mut crate::renamed::__private::KeyWriter) {
            crate::renamed::__private::encode_part::<Self, __Parts, 1usize>(self, __out);
            crate::renamed::__private::encode_part::<Self, __Parts, 0usize>(self, __out);
        }
        fn encode_index(
            &self,
            _: ::core::primitive::usize,
            _: &mut crate::renamed::__private::IndexEntries,
        ) {}
        fn encode_row(
            &self,
            __out: &mut crate::renamed::__private::Vec<::core::primitive::u8>,
        ) -> crate::renamed::__private::Result<()> {
            <Self as crate::renamed::__private::SerdeRow>::encode(self, __out)
        }
        fn encode_row_and_read(
            &self,
            __out: &mut crate::renamed::__private::Vec<::core::primitive::u8>,
        ) -> crate::renamed::__private::Result<Self> {
            <Self as crate::renamed::__private::SerdeRow>::encode_and_read(self, __out)
        }
        fn decode_row(
            __bytes: &[::core::primitive::u8],
        ) -> crate::renamed::__private::Result<Self, crate::renamed::__private::Fault> {
            <Self as crate::renamed::__private::SerdeRow>::decode(__bytes)
        }
        fn row_shape() -> crate::renamed::__private::RowShape {
            <Self as crate::renamed::__private::SerdeRow>::trace()
        }
    }
};
