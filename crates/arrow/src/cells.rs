//! The cells of an arrow array, one enum for every type.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, StringArrayType};
use arrow_schema::{DataType, TimeUnit};

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    Missing,
    Number(f64),
    Text(&'a str),
    /// Seconds since 1970.
    Seconds(f64),
}

/// What the cells of a type are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Numbers,
    Booleans,
    Texts,
    Dates,
    /// Nothing but missing cells.
    Nothing,
}

/// The family of a type; `None` is not supported.
pub(crate) fn family(of: &DataType) -> Option<Family> {
    Some(match of {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Family::Numbers,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 | DataType::UInt64 => Family::Numbers,
        DataType::Float16 | DataType::Float32 | DataType::Float64 => Family::Numbers,
        DataType::Decimal32(..) | DataType::Decimal64(..) => Family::Numbers,
        DataType::Decimal128(..) | DataType::Decimal256(..) => Family::Numbers,
        DataType::Boolean => Family::Booleans,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Texts,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Family::Dates,
        DataType::Null => Family::Nothing,
        DataType::Dictionary(_, values) => return family(values),
        _ => return None,
    })
}

/// The cells of an array `(n_rows,)`; `None` if its type is not supported.
pub(crate) fn cells(array: &dyn Array) -> Option<Vec<Cell<'_>>> {
    Some(match array.data_type() {
        DataType::Int8 => numbers::<Int8Type>(array, f64::from),
        DataType::Int16 => numbers::<Int16Type>(array, f64::from),
        DataType::Int32 => numbers::<Int32Type>(array, f64::from),
        DataType::Int64 => numbers::<Int64Type>(array, |value| value as f64),
        DataType::UInt8 => numbers::<UInt8Type>(array, f64::from),
        DataType::UInt16 => numbers::<UInt16Type>(array, f64::from),
        DataType::UInt32 => numbers::<UInt32Type>(array, f64::from),
        DataType::UInt64 => numbers::<UInt64Type>(array, |value| value as f64),
        DataType::Float16 => numbers::<Float16Type>(array, f64::from),
        DataType::Float32 => numbers::<Float32Type>(array, f64::from),
        DataType::Float64 => numbers::<Float64Type>(array, |value| value),
        DataType::Decimal32(..) => decimals::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimals::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimals::<Decimal256Type>(array),
        DataType::Boolean => booleans(array),
        DataType::Utf8 => texts(array.as_string::<i32>()),
        DataType::LargeUtf8 => texts(array.as_string::<i64>()),
        DataType::Utf8View => texts(array.as_string_view()),
        DataType::Date32 => dates::<Date32Type>(array, |days| f64::from(days) * 86_400.0),
        DataType::Date64 => dates::<Date64Type>(array, |millis| seconds(millis, 1_000)),
        DataType::Timestamp(unit, _) => timestamps(array, *unit),
        DataType::Null => vec![Cell::Missing; array.len()],
        DataType::Dictionary(..) => return dictionary(array),
        _ => return None,
    })
}

/// Cells of primitive values, nulls missing.
fn primitives<'a, T: ArrowPrimitiveType>(
    array: &'a dyn Array,
    cell: impl Fn(T::Native) -> Cell<'a>,
) -> Vec<Cell<'a>> {
    array.as_primitive::<T>().iter().map(|value| value.map_or(Cell::Missing, &cell)).collect()
}

fn numbers<T: ArrowPrimitiveType>(
    array: &dyn Array,
    to_f64: impl Fn(T::Native) -> f64,
) -> Vec<Cell<'_>> {
    primitives::<T>(array, |value| match to_f64(value) {
        number if number.is_nan() => Cell::Missing,
        number => Cell::Number(number),
    })
}

fn dates<T: ArrowPrimitiveType>(
    array: &dyn Array,
    to_seconds: impl Fn(T::Native) -> f64,
) -> Vec<Cell<'_>> {
    primitives::<T>(array, |value| Cell::Seconds(to_seconds(value)))
}

fn timestamps(array: &dyn Array, unit: TimeUnit) -> Vec<Cell<'_>> {
    match unit {
        TimeUnit::Second => dates::<TimestampSecondType>(array, |ticks| seconds(ticks, 1)),
        TimeUnit::Millisecond => {
            dates::<TimestampMillisecondType>(array, |ticks| seconds(ticks, 1_000))
        }
        TimeUnit::Microsecond => {
            dates::<TimestampMicrosecondType>(array, |ticks| seconds(ticks, 1_000_000))
        }
        TimeUnit::Nanosecond => {
            dates::<TimestampNanosecondType>(array, |ticks| seconds(ticks, 1_000_000_000))
        }
    }
}

/// Seconds of so many ticks. Whole seconds and the rest apart: nanoseconds since 1970 are more than
/// an f64 tells apart.
fn seconds(ticks: i64, a_second: i64) -> f64 {
    ticks.div_euclid(a_second) as f64 + ticks.rem_euclid(a_second) as f64 / a_second as f64
}

/// Decimals by way of their text, so that they are rounded once.
fn decimals<T: DecimalType + ArrowPrimitiveType>(array: &dyn Array) -> Vec<Cell<'_>> {
    let array = array.as_primitive::<T>();
    let cell = |row| match array.is_null(row) {
        true => Cell::Missing,
        false => array.value_as_string(row).parse().map_or(Cell::Missing, Cell::Number),
    };
    (0..array.len()).map(cell).collect()
}

fn booleans(array: &dyn Array) -> Vec<Cell<'_>> {
    let cell = |value: Option<bool>| match value {
        None => Cell::Missing,
        Some(true) => Cell::Text("true"),
        Some(false) => Cell::Text("false"),
    };
    array.as_boolean().iter().map(cell).collect()
}

fn texts<'a>(array: impl StringArrayType<'a>) -> Vec<Cell<'a>> {
    array.iter().map(|text| text.map_or(Cell::Missing, Cell::Text)).collect()
}

fn dictionary(array: &dyn Array) -> Option<Vec<Cell<'_>>> {
    let dictionary = array.as_any_dictionary();
    let values = cells(dictionary.values().as_ref())?;
    if values.is_empty() {
        return Some(vec![Cell::Missing; array.len()]);
    }
    let keys = dictionary.normalized_keys();
    let is_null = |row: usize| dictionary.keys().is_null(row);
    let cell =
        |(row, &key): (usize, &usize)| if is_null(row) { Cell::Missing } else { values[key] };
    Some(keys.iter().enumerate().map(cell).collect())
}
