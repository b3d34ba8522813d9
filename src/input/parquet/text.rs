//! The values of the columns of a Parquet file as text, in the form that a CSV table has.

use std::io::Write;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type};
use parquet::schema::types::ColumnDescriptor;

use crate::input::time;
use crate::math;

/// How the values of a column are written as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Form {
    Text,
    Bool,
    Integer {
        is_signed: bool,
    },
    Decimal {
        scale: i32,
    },
    Float,
    Date,
    Timestamp {
        per_second: i64,
        is_utc: bool,
    },
    Uuid,
    /// Lists, maps, times of day and others.
    Unreadable,
}

impl Form {
    pub(super) fn of(column: &ColumnDescriptor) -> Self {
        if column.max_rep_level() > 0 {
            return Self::Unreadable;
        }
        let scale = column.type_scale();
        let timestamp = |per_second, is_utc| Self::Timestamp { per_second, is_utc };
        match (column.physical_type(), column.logical_type_ref(), column.converted_type()) {
            (_, Some(LogicalType::Decimal(_)), _) | (_, None, ConvertedType::DECIMAL) => {
                Self::Decimal { scale }
            }
            (Type::INT64, Some(LogicalType::Timestamp(it)), _) => {
                let per_second = match it.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                };
                timestamp(per_second, it.is_adjusted_to_u_t_c)
            }
            (Type::INT64, None, ConvertedType::TIMESTAMP_MILLIS) => timestamp(1_000, true),
            (Type::INT64, None, ConvertedType::TIMESTAMP_MICROS) => timestamp(1_000_000, true),
            // Its unit is a nanosecond; its writers mean UTC.
            (Type::INT96, ..) => timestamp(1_000_000_000, true),
            (Type::INT32, Some(LogicalType::Date), _)
            | (Type::INT32, None, ConvertedType::DATE) => Self::Date,
            (Type::INT32 | Type::INT64, Some(LogicalType::Integer(it)), _) => {
                Self::Integer { is_signed: it.is_signed }
            }
            (Type::INT32 | Type::INT64, None, converted) => match converted {
                ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => Self::Unreadable,
                ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64 => Self::Integer { is_signed: false },
                _ => Self::Integer { is_signed: true },
            },
            (Type::FLOAT | Type::DOUBLE, ..) => Self::Float,
            (Type::BOOLEAN, ..) => Self::Bool,
            (Type::BYTE_ARRAY, None, ConvertedType::BSON) => Self::Unreadable,
            (
                Type::BYTE_ARRAY,
                None | Some(LogicalType::String | LogicalType::Enum | LogicalType::Json),
                _,
            ) => Self::Text,
            (Type::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Uuid), _) => Self::Uuid,
            _ => Self::Unreadable,
        }
    }

    /// Appends an integer; false where its form is another.
    pub(super) fn integer(self, value: i64, bits: u32, text: &mut Vec<u8>) {
        let unsigned = || if bits == 32 { u64::from(value as u32) } else { value as u64 };
        let written = match self {
            Self::Timestamp { per_second, is_utc } => {
                let nanoseconds = i128::from(value) * i128::from(1_000_000_000 / per_second);
                write!(text, "{}", time::text(nanoseconds, is_utc).unwrap_or_default())
            }
            Self::Date => {
                let nanoseconds = i128::from(value) * 86_400_000_000_000;
                let date = time::text(nanoseconds, true).unwrap_or_default();
                write!(text, "{}", date.split('T').next().unwrap_or_default())
            }
            Self::Decimal { scale } => return decimal(value.into(), scale, text),
            Self::Integer { is_signed: false } => write!(text, "{}", unsigned()),
            _ => write!(text, "{value}"),
        };
        written.expect("a vector takes any text");
    }

    /// Appends the bytes of a text, an id or a decimal number.
    pub(super) fn bytes(self, value: &[u8], text: &mut Vec<u8>) {
        match self {
            Self::Decimal { scale } => {
                let sign = value.first().map_or(0, |first| (*first as i8 >> 7) as u8);
                let mut number = [sign; 16];
                let from = number.len().saturating_sub(value.len());
                // More than 38 digits, which no writer has, would not fit.
                number[from..].copy_from_slice(&value[value.len() - (16 - from)..]);
                decimal(i128::from_be_bytes(number), scale, text);
            }
            Self::Uuid => {
                for (place, byte) in value.iter().enumerate() {
                    let dash = if [4, 6, 8, 10].contains(&place) { "-" } else { "" };
                    write!(text, "{dash}{byte:02x}").expect("a vector takes any text");
                }
            }
            _ => text.extend_from_slice(value),
        }
    }
}

/// Appends `number` / 10^`scale`.
fn decimal(number: i128, scale: i32, text: &mut Vec<u8>) {
    let sign = if number < 0 { "-" } else { "" };
    let scale = usize::try_from(scale).unwrap_or(0).min(76);
    let digits = format!("{:0>width$}", number.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let dot = if scale > 0 { "." } else { "" };
    write!(text, "{sign}{whole}{dot}{fraction}").expect("a vector takes any text");
}

/// Appends a number; one that stands for a rounded integer in scientific notation, NaN as a missing value.
pub(super) fn float(value: f64, shortest: impl std::fmt::Display, text: &mut Vec<u8>) {
    let written = if value.is_nan() {
        Ok(())
    } else if value.abs() >= math::EXACT_WHOLE {
        let digits = format!("{value:e}");
        let (mantissa, exponent) = digits.split_once('e').unwrap_or((&digits, "0"));
        write!(text, "{mantissa}e+{exponent}")
    } else {
        write!(text, "{shortest}")
    };
    written.expect("a vector takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parquet_values_are_written_as_in_a_csv_table() {
        let text = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut text = Vec::new();
            write(&mut text);
            String::from_utf8(text).unwrap()
        };
        let number = |value: f64| text(&|it| float(value, value, it));
        assert_eq!(number(20.0), "20");
        assert_eq!(number(0.1), "0.1");
        assert_eq!(number(f64::NAN), "");
        // Such an id was rounded, which is reported.
        assert_eq!(number(1_050_118_621_198_921_728.0), "1.0501186211989217e+18");
        assert_eq!(text(&|it| float(0.1_f32.into(), 0.1_f32, it)), "0.1");
        for (value, scale, expected) in
            [(-5, 2, "-0.05"), (1234, 2, "12.34"), (7, 0, "7"), (0, 1, "0.0")]
        {
            assert_eq!(text(&|it| decimal(value, scale, it)), expected);
        }
        let integer = |form: Form, value| text(&|it| form.integer(value, 64, it));
        assert_eq!(integer(Form::Integer { is_signed: false }, -1), "18446744073709551615");
        assert_eq!(integer(Form::Integer { is_signed: true }, -1), "-1");
        assert_eq!(integer(Form::Date, 17_814), "2018-10-10");
        for (is_utc, end) in [(true, "Z"), (false, "")] {
            let form = Form::Timestamp { per_second: 1_000, is_utc };
            assert_eq!(integer(form, 1_539_202_764_500), format!("2018-10-10T20:19:24.5{end}"));
        }
        let uuid = text(&|it| Form::Uuid.bytes(&[0xab; 16], it));
        assert_eq!(uuid, "abababab-abab-abab-abab-abababababab");
        let wide = text(&|it| Form::Decimal { scale: 1 }.bytes(&[0xff, 0x85], it));
        assert_eq!(wide, "-12.3");
    }
}
