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
            &self.0
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
                0: <u64 as ::walnut::__private::Generated>::from_number(__number),
            }
        }
        fn number(&self) -> ::core::option::Option<::core::primitive::u128> {
            ::walnut::__private::Generated::number(&self.0)
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
                0: ::walnut::__private::decode_part::<Self, __Parts, 0usize>(__input)?,
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
    impl<K> ::walnut::__private::KeyPart<__Parts, 0usize> for Place<K>
    where
        Self: ::core::marker::Send + ::core::marker::Sync + 'static,
        K: ::walnut::__private::Key,
    {
        type Key = String;
        fn part(&self) -> &String {
            &self.country
        }
    }
    #[automatically_derived]
    impl<K> ::walnut::__private::KeyPart<__Parts, 1usize> for Place<K>
    where
        Self: ::core::marker::Send + ::core::marker::Sync + 'static,
        K: ::walnut::__private::Key,
    {
        type Key = K;
        fn part(&self) -> &K {
            &self.r#type
        }
    }
    #[automatically_derived]
    impl<K> ::walnut::__private::Key for Place<K>
    where
        Self: ::core::marker::Send + ::core::marker::Sync + 'static,
        K: ::walnut::__private::Key,
    {
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
        >() && ::walnut::__private::part_is_exact::<Self, __Parts, 1usize>();
        const OPTIONAL: ::core::primitive::bool = ::walnut::__private::part_is_optional::<
            Self,
            __Parts,
            0usize,
        >() || ::walnut::__private::part_is_optional::<Self, __Parts, 1usize>();
        fn key_shape() -> ::walnut::__private::KeyShape {
            ::walnut::__private::KeyShape::tuple([
                ::walnut::__private::part_shape::<Self, __Parts, 0usize>(),
                ::walnut::__private::part_shape::<Self, __Parts, 1usize>(),
            ])
        }
        fn encode(&self, __out: &mut ::walnut::__private::KeyWriter) {
            ::walnut::__private::encode_part::<Self, __Parts, 0usize>(self, __out);
            ::walnut::__private::encode_part::<Self, __Parts, 1usize>(self, __out);
        }
        fn decode(
            __input: &mut ::walnut::__private::KeyReader<'_>,
        ) -> ::walnut::__private::Result<Self, ::walnut::__private::Fault> {
            ::core::result::Result::Ok(Self {
                country: ::walnut::__private::decode_part::<
                    Self,
                    __Parts,
                    0usize,
                >(__input)?,
                r#type: ::walnut::__private::decode_part::<
                    Self,
                    __Parts,
                    1usize,
                >(__input)?,
            })
        }
        fn skip(
            __input: &mut ::walnut::__private::KeyReader<'_>,
        ) -> ::walnut::__private::Result<(), ::walnut::__private::Fault> {
            ::walnut::__private::skip_part::<Self, __Parts, 0usize>(__input)?;
            ::walnut::__private::skip_part::<Self, __Parts, 1usize>(__input)?;
            ::core::result::Result::Ok(())
        }
        fn is_none(&self) -> ::core::primitive::bool {
            ::walnut::__private::part_is_none::<Self, __Parts, 0usize>(self)
                || ::walnut::__private::part_is_none::<Self, __Parts, 1usize>(self)
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
    const _: () = ::core::assert!(
        Kind::Guest as ::core::primitive::i64 as ::core::primitive::i128 == Kind::Guest
        as ::core::primitive::i128,
        "the discriminant of `Guest` does not fit the `i64` that is stored"
    );
    const _: () = ::core::assert!(
        Kind::Admin as ::core::primitive::i64 as ::core::primitive::i128 == Kind::Admin
        as ::core::primitive::i128,
        "the discriminant of `Admin` does not fit the `i64` that is stored"
    );
    #[automatically_derived]
    impl renamed::__private::Key for Kind {
        type Ref<'__point> = Self;
        fn encode_ref(__point: &Self, __out: &mut renamed::__private::KeyWriter) {
            renamed::__private::Key::encode(__point, __out);
        }
        fn ref_is_none(__point: &Self) -> ::core::primitive::bool {
            renamed::__private::Key::is_none(__point)
        }
        fn key_shape() -> renamed::__private::KeyShape {
            renamed::__private::enum_shape(
                &[
                    ("Guest", Self::Guest as ::core::primitive::i64),
                    ("Admin", Self::Admin as ::core::primitive::i64),
                ],
            )
        }
        fn encode(&self, __out: &mut renamed::__private::KeyWriter) {
            let __discriminant = match self {
                Self::Guest => Self::Guest as ::core::primitive::i64,
                Self::Admin => Self::Admin as ::core::primitive::i64,
            };
            renamed::__private::Key::encode(&__discriminant, __out);
        }
        fn decode(
            __input: &mut renamed::__private::KeyReader<'_>,
        ) -> renamed::__private::Result<Self, renamed::__private::Fault> {
            let __discriminant: ::core::primitive::i64 = renamed::__private::Key::decode(
                __input,
            )?;
            if __discriminant == Self::Guest as ::core::primitive::i64 {
                return ::core::result::Result::Ok(Self::Guest);
            }
            if __discriminant == Self::Admin as ::core::primitive::i64 {
                return ::core::result::Result::Ok(Self::Admin);
            }
            ::core::result::Result::Err(
                renamed::__private::Fault::Invalid("discriminant of a `Kind`"),
            )
        }
    }
};
