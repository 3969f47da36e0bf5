//! Predictions: one row or many, from typed values or from numbers alone.

use std::ffi::c_char;

use eyas_model::{Predictor, RowSource, Scratch, Value};

use crate::border::{Failure, Message, Status, borrow, borrow_mut, guard, slice, slice_mut};
use crate::model::{CModel, free, give};

/// One cell: what the header calls `struct eyas_value`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CValue {
    pub(crate) kind: i32,
    pub(crate) number: f64,
    pub(crate) text: *const c_char,
    pub(crate) length: usize,
}

const MISSING: i32 = 0;
const NUMBER: i32 = 1;
const TEXT: i32 = 2;

#[cfg(test)]
impl CValue {
    /// A cell as a C program would fill it in; text must outlive it.
    pub(crate) fn new(cell: Value<'_>) -> CValue {
        let missing = CValue { kind: MISSING, number: 0.0, text: std::ptr::null(), length: 0 };
        match cell {
            Value::Missing => missing,
            Value::Number(number) => CValue { kind: NUMBER, number, ..missing },
            Value::Text(text) => {
                CValue { kind: TEXT, text: text.as_ptr().cast(), length: text.len(), ..missing }
            }
        }
    }
}

/// Memory of predictions: what the header calls `eyas_scratch`.
pub struct CScratch {
    scratch: Scratch,
    /// Cells of a row; empty between calls, so that no borrow outlives one.
    cells: Vec<Value<'static>>,
}

impl CScratch {
    fn new(predictor: &Predictor) -> CScratch {
        let cells = Vec::with_capacity(predictor.schema().columns.len());
        CScratch { scratch: Scratch::fitted(predictor), cells }
    }

    /// Predicts a row of cells, without an allocation.
    fn predict<'a>(
        &mut self,
        predictor: &Predictor,
        row: impl Iterator<Item = Result<Value<'a>, Failure>>,
        out: &mut [f64],
    ) -> Result<(), Failure> {
        let mut cells: Vec<Value<'a>> = std::mem::take(&mut self.cells);
        let mut result = Ok(());
        for cell in row {
            match cell {
                Ok(cell) => cells.push(cell),
                Err(failure) => {
                    result = Err(failure);
                    break;
                }
            }
        }
        if result.is_ok() {
            result = predictor.predict_row(&cells, &mut self.scratch, out).map_err(Failure::from);
        }
        cells.clear();
        // SAFETY: the types differ in a lifetime only, and no value is left that has it.
        self.cells = unsafe { std::mem::transmute::<Vec<Value<'a>>, Vec<Value<'static>>>(cells) };
        result
    }
}

/// Reads a cell.
///
/// # Safety
/// Text is null or has as many bytes as it says.
#[inline]
unsafe fn read<'a>(cell: &'a CValue, column: impl Fn() -> String) -> Result<Value<'a>, Failure> {
    match cell.kind {
        NUMBER => Ok(Value::Number(cell.number)),
        MISSING => Ok(Value::Missing),
        TEXT => {
            // SAFETY: by the caller's promise.
            let bytes = unsafe { slice(cell.text.cast::<u8>(), cell.length, "text") }
                .map_err(|failure| Failure::argument(format!("{}: {}", column(), failure.text)))?;
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(Value::Text(text)),
                Err(error) => Err(Failure {
                    status: Status::BadRow,
                    text: format!("{}: the text is not UTF-8: {error}", column()),
                }),
            }
        }
        kind => Err(Failure::argument(format!(
            "{}: a value has kind {kind}, expected EYAS_MISSING, EYAS_NUMBER or EYAS_TEXT",
            column()
        ))),
    }
}

/// Rows of typed values, all of them read once already.
struct TypedRows<'a> {
    values: &'a [CValue],
    n_rows: usize,
    n_columns: usize,
}

impl RowSource for TypedRows<'_> {
    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn cell(&self, row: usize, column: usize) -> Value<'_> {
        let cell = &self.values[row * self.n_columns + column];
        match cell.kind {
            NUMBER => Value::Number(cell.number),
            TEXT if cell.length > 0 => {
                // SAFETY: `read` found that this is memory with text.
                let bytes =
                    unsafe { std::slice::from_raw_parts(cell.text.cast::<u8>(), cell.length) };
                // SAFETY: `read` found that it is UTF-8, and the caller does not change it.
                Value::Text(unsafe { std::str::from_utf8_unchecked(bytes) })
            }
            _ => Value::Missing,
        }
    }
}

fn name_of(model: &CModel, column: usize) -> String {
    let columns = &model.predictor.schema().columns;
    columns.get(column).map_or_else(String::new, |column| format!("column `{}`", column.name))
}

/// Refuses a model that reads anything but numbers.
fn check_numbers(model: &CModel) -> Result<(), Failure> {
    match model.first_other {
        None => Ok(()),
        Some(column) => Err(Failure::argument(format!(
            "{} does not hold numbers; use eyas_predict_row or eyas_predict_rows",
            name_of(model, column)
        ))),
    }
}

/// Number of cells, if rows and outputs have the lengths that the model needs.
fn check_lengths(
    model: &CModel,
    n_rows: usize,
    n_columns: usize,
    n_out: usize,
) -> Result<usize, Failure> {
    let expected = model.predictor.schema().columns.len();
    if n_columns != expected {
        let problem = format!("a row has {n_columns} values, expected {expected}");
        return Err(Failure::argument(problem));
    }
    let n_outputs = model.predictor.n_outputs();
    if n_rows.checked_mul(n_outputs) != Some(n_out) {
        return Err(Failure::argument(format!(
            "there is room for {n_out} outputs, expected {n_rows} rows of {n_outputs}"
        )));
    }
    n_rows
        .checked_mul(n_columns)
        .ok_or_else(|| Failure::argument(format!("there cannot be {n_rows} rows")))
}

/// Makes the memory for predictions.
///
/// # Safety
/// Pointers are null or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_scratch_new(
    model: *const CModel,
    scratch: *mut *mut CScratch,
    message: *mut c_char,
    message_size: usize,
) -> i32 {
    // SAFETY: the header demands that `message` has `message_size` bytes.
    let message = unsafe { Message::new(message, message_size) };
    guard(message, || {
        // SAFETY: the header demands a model.
        let make = || Ok(CScratch::new(&unsafe { borrow(model, "model") }?.predictor));
        // SAFETY: the header demands that `scratch` can be written.
        unsafe { give(scratch, "scratch", make) }
    })
}

/// Frees a scratch object.
///
/// # Safety
/// `scratch` is null or was made by [`eyas_scratch_new`] and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_scratch_free(scratch: *mut CScratch) {
    // SAFETY: the header demands it.
    unsafe { free(scratch) }
}

/// Predicts one row of typed values.
///
/// # Safety
/// Pointers are null or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_predict_row(
    model: *const CModel,
    scratch: *mut CScratch,
    values: *const CValue,
    n_values: usize,
    out: *mut f64,
    n_out: usize,
    message: *mut c_char,
    message_size: usize,
) -> i32 {
    // SAFETY: the header demands that `message` has `message_size` bytes.
    let message = unsafe { Message::new(message, message_size) };
    guard(message, || {
        // SAFETY: the header demands a model.
        let model = unsafe { borrow(model, "model") }?;
        // SAFETY: the header demands a scratch object of this thread alone.
        let scratch = unsafe { borrow_mut(scratch, "scratch") }?;
        check_lengths(model, 1, n_values, n_out)?;
        // SAFETY: the header demands `n_values` values.
        let values = unsafe { slice(values, n_values, "values") }?;
        // SAFETY: the header demands room for `n_out` numbers.
        let out = unsafe { slice_mut(out, n_out, "out") }?;
        let cells = values.iter().enumerate().map(|(column, cell)| {
            // SAFETY: the header demands that text has `length` bytes.
            unsafe { read(cell, || name_of(model, column)) }
        });
        scratch.predict(&model.predictor, cells, out)
    })
}

/// Predicts rows of typed values.
///
/// # Safety
/// Pointers are null or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_predict_rows(
    model: *const CModel,
    scratch: *mut CScratch,
    values: *const CValue,
    n_rows: usize,
    n_columns: usize,
    out: *mut f64,
    n_out: usize,
    message: *mut c_char,
    message_size: usize,
) -> i32 {
    // SAFETY: the header demands that `message` has `message_size` bytes.
    let message = unsafe { Message::new(message, message_size) };
    guard(message, || {
        // SAFETY: the header demands a model.
        let model = unsafe { borrow(model, "model") }?;
        // SAFETY: the header demands a scratch object of this thread alone.
        let scratch = unsafe { borrow_mut(scratch, "scratch") }?;
        let n_values = check_lengths(model, n_rows, n_columns, n_out)?;
        // SAFETY: the header demands `n_rows * n_columns` values.
        let values = unsafe { slice(values, n_values, "values") }?;
        // SAFETY: the header demands room for `n_out` numbers.
        let out = unsafe { slice_mut(out, n_out, "out") }?;
        for (at, cell) in values.iter().enumerate() {
            let place = || format!("row {}: {}", at / n_columns, name_of(model, at % n_columns));
            // SAFETY: the header demands that text has `length` bytes.
            unsafe { read(cell, place) }?;
        }
        let rows = TypedRows { values, n_rows, n_columns };
        Ok(model.predictor.predict_batch(&rows, &mut scratch.scratch, out)?)
    })
}

/// Predicts one row of numbers.
///
/// # Safety
/// Pointers are null or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_predict_number_row(
    model: *const CModel,
    scratch: *mut CScratch,
    numbers: *const f64,
    n_numbers: usize,
    out: *mut f64,
    n_out: usize,
    message: *mut c_char,
    message_size: usize,
) -> i32 {
    // SAFETY: the header demands that `message` has `message_size` bytes.
    let message = unsafe { Message::new(message, message_size) };
    guard(message, || {
        // SAFETY: the header demands a model.
        let model = unsafe { borrow(model, "model") }?;
        // SAFETY: the header demands a scratch object of this thread alone.
        let scratch = unsafe { borrow_mut(scratch, "scratch") }?;
        check_numbers(model)?;
        check_lengths(model, 1, n_numbers, n_out)?;
        // SAFETY: the header demands `n_numbers` numbers.
        let numbers = unsafe { slice(numbers, n_numbers, "numbers") }?;
        // SAFETY: the header demands room for `n_out` numbers.
        let out = unsafe { slice_mut(out, n_out, "out") }?;
        Ok(model.predictor.predict_numbers(numbers, &mut scratch.scratch, out)?)
    })
}

/// Predicts rows of numbers.
///
/// # Safety
/// Pointers are null or point to what the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn eyas_predict_number_rows(
    model: *const CModel,
    scratch: *mut CScratch,
    numbers: *const f64,
    n_rows: usize,
    n_columns: usize,
    out: *mut f64,
    n_out: usize,
    message: *mut c_char,
    message_size: usize,
) -> i32 {
    // SAFETY: the header demands that `message` has `message_size` bytes.
    let message = unsafe { Message::new(message, message_size) };
    guard(message, || {
        // SAFETY: the header demands a model.
        let model = unsafe { borrow(model, "model") }?;
        // SAFETY: the header demands a scratch object of this thread alone.
        let scratch = unsafe { borrow_mut(scratch, "scratch") }?;
        check_numbers(model)?;
        let n_numbers = check_lengths(model, n_rows, n_columns, n_out)?;
        // SAFETY: the header demands `n_rows * n_columns` numbers.
        let numbers = unsafe { slice(numbers, n_numbers, "numbers") }?;
        // SAFETY: the header demands room for `n_out` numbers.
        let out = unsafe { slice_mut(out, n_out, "out") }?;
        Ok(model.predictor.predict_number_batch(numbers, &mut scratch.scratch, out)?)
    })
}
