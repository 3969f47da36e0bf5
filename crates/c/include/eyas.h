/*
 * Eyas: predictions of a model file from C, C++ and every language that can call C.
 *
 *   eyas_model *model;
 *   eyas_scratch *scratch;
 *   char message[256];
 *   double out;                                        one number per output
 *   struct eyas_value row[2] = { eyas_number(39), eyas_text("Private") };
 *
 *   if (eyas_check() != EYAS_OK) ...                   header and library do not fit
 *   if (eyas_model_load("adult.eyas", &model, message, sizeof message) != EYAS_OK) ...
 *   if (eyas_scratch_new(model, &scratch, message, sizeof message) != EYAS_OK) ...
 *   if (eyas_predict_row(model, scratch, row, 2, &out, 1, message, sizeof message) != EYAS_OK) ...
 *   eyas_scratch_free(scratch);
 *   eyas_model_free(model);
 *
 * Threads. A model never changes: any number of threads may predict with it at once, each with a
 * scratch object of its own. There is no global state.
 *
 * Memory. A prediction that succeeds allocates nothing. Whatever a function takes stays the
 * caller's; text that a function gives belongs to the model and lives as long as it. Input and
 * output must not overlap.
 *
 * Errors. Functions that can fail return EYAS_OK (0) or another eyas_status and then write what is
 * wrong and what to do, in UTF-8 and ending in NUL, to `message`; what has no room is cut off.
 * `message` may be NULL. Null pointers and wrong lengths are errors, not crashes. No exception and
 * no panic crosses the border. A pointer to memory that is not there, or a model or scratch object
 * that was freed, cannot be recognised.
 *
 * C99 or later, C++98 or later with <stdint.h>.
 */
#ifndef EYAS_H
#define EYAS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef EYAS_API
#define EYAS_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Goes up when something in this header changes its meaning or its layout. */
#define EYAS_ABI_VERSION 1

/* What became of a call. Later versions may add codes. */
typedef int32_t eyas_status;
enum {
    EYAS_OK = 0,
    EYAS_BAD_ARGUMENT = 1, /* a null pointer, a wrong length, a value of an unknown kind */
    EYAS_BAD_FILE = 2,     /* no model file, a damaged one, or one of a newer version */
    EYAS_BAD_MODEL = 3,    /* the parts of the model do not fit together */
    EYAS_BAD_ROW = 4,      /* a row cannot be encoded: text that is no number, or is not UTF-8 */
    EYAS_IO = 5,           /* the file cannot be read */
    EYAS_INTERNAL = 6,     /* a defect of this library; please report it */
    EYAS_WRONG_ABI = 7     /* header and library are of different versions */
};

/* What is predicted. */
typedef int32_t eyas_task;
enum {
    EYAS_REGRESSION = 0, /* one output: the number */
    EYAS_BINARY = 1,     /* one output: the probability of the second class */
    EYAS_MULTICLASS = 2  /* one output a class: its probability */
};

/* How the cells of a column are read; -1 where there is no such column. */
typedef int32_t eyas_column_kind;
enum {
    EYAS_COLUMN_NUMBER = 0,   /* numbers; text is parsed as one */
    EYAS_COLUMN_BOOLEAN = 1,  /* two values, as they were written in the training data */
    EYAS_COLUMN_CATEGORY = 2, /* names; a number is matched by its shortest decimal form */
    EYAS_COLUMN_DATETIME = 3  /* text as in 2013-01-31 or 2013-01-31T05:00:00Z, or seconds since 1970 */
};

/* What a value holds. */
enum { EYAS_MISSING = 0, EYAS_NUMBER = 1, EYAS_TEXT = 2 };

/* One cell of a row. Missing are also a number that is NaN and text of length 0. */
struct eyas_value {
    int32_t kind;     /* EYAS_MISSING, EYAS_NUMBER or EYAS_TEXT */
    double number;    /* read if kind is EYAS_NUMBER */
    const char *text; /* read if kind is EYAS_TEXT: UTF-8, need not end in NUL */
    size_t length;    /* bytes of text */
};

typedef struct eyas_model eyas_model;     /* a loaded model */
typedef struct eyas_scratch eyas_scratch; /* memory that predictions write to; one a thread */

/* Version of the library, such as "0.1.0". */
EYAS_API const char *eyas_version(void);

/* Whether the library can be called as a header of `abi_version` with values of `value_size` bytes
 * describes it; eyas_check() asks for this header. EYAS_OK or EYAS_WRONG_ABI. */
EYAS_API eyas_status eyas_check_abi(uint32_t abi_version, size_t value_size);

/* ---- Models ---- */

/* Loads a model file. `path` ends in NUL; UTF-8 on Windows. Free the model with eyas_model_free.
 * On failure *model is NULL. */
EYAS_API eyas_status eyas_model_load(const char *path, eyas_model **model, char *message,
                                     size_t message_size);

/* Loads a model from the `length` bytes of a file; they are not needed afterwards. */
EYAS_API eyas_status eyas_model_from_bytes(const void *bytes, size_t length, eyas_model **model,
                                           char *message, size_t message_size);

/* Frees a model; nothing if it is NULL. No thread may still use it. */
EYAS_API void eyas_model_free(eyas_model *model);

/* What is predicted; -1 if model is NULL. */
EYAS_API eyas_task eyas_model_task(const eyas_model *model);

/* Name of the target column; its bytes go to *length unless that is NULL. Ends in NUL. */
EYAS_API const char *eyas_model_target(const eyas_model *model, size_t *length);

/* Values that a row has, in this order. 0 if model is NULL. */
EYAS_API size_t eyas_model_n_columns(const eyas_model *model);

/* Name of a column, counted from 0; NULL where there is none. */
EYAS_API const char *eyas_model_column_name(const eyas_model *model, size_t column, size_t *length);

/* How the cells of a column are read; -1 where there is none. */
EYAS_API eyas_column_kind eyas_model_column_kind(const eyas_model *model, size_t column);

/* 1 if every column is of EYAS_COLUMN_NUMBER, so that eyas_predict_number_row and
 * eyas_predict_number_rows may be used; else 0. */
EYAS_API int32_t eyas_model_takes_numbers(const eyas_model *model);

/* Numbers that a prediction has: 1 for regression and binary, else one a class. */
EYAS_API size_t eyas_model_n_outputs(const eyas_model *model);

/* Classes: 0 for regression, 2 for binary, else as many as outputs. */
EYAS_API size_t eyas_model_n_classes(const eyas_model *model);

/* Name of a class, counted from 0; NULL where there is none. */
EYAS_API const char *eyas_model_class_name(const eyas_model *model, size_t index, size_t *length);

/* ---- Predictions ---- */

/* Makes the memory for predictions with a model, once a thread: it takes as long as some hundred
 * predictions. It may be used with another model, and then grows at the first prediction. On failure
 * *scratch is NULL. */
EYAS_API eyas_status eyas_scratch_new(const eyas_model *model, eyas_scratch **scratch, char *message,
                                      size_t message_size);

/* Frees a scratch object; nothing if it is NULL. */
EYAS_API void eyas_scratch_free(eyas_scratch *scratch);

/* Predicts one row of n_values = eyas_model_n_columns(model) values into out, which has room for
 * n_out = eyas_model_n_outputs(model) numbers. After an error out holds nothing of use. */
EYAS_API eyas_status eyas_predict_row(const eyas_model *model, eyas_scratch *scratch,
                                      const struct eyas_value *values, size_t n_values, double *out,
                                      size_t n_out, char *message, size_t message_size);

/* Predicts n_rows rows of n_columns values, one row after the other, into out: n_out = n_rows *
 * eyas_model_n_outputs(model) numbers, again row after row. */
EYAS_API eyas_status eyas_predict_rows(const eyas_model *model, eyas_scratch *scratch,
                                       const struct eyas_value *values, size_t n_rows,
                                       size_t n_columns, double *out, size_t n_out, char *message,
                                       size_t message_size);

/* As eyas_predict_row from numbers alone (NaN is missing): faster, for models whose columns are all
 * numbers. */
EYAS_API eyas_status eyas_predict_number_row(const eyas_model *model, eyas_scratch *scratch,
                                             const double *numbers, size_t n_numbers, double *out,
                                             size_t n_out, char *message, size_t message_size);

/* As eyas_predict_rows from numbers alone (NaN is missing), for models whose columns are all
 * numbers. */
EYAS_API eyas_status eyas_predict_number_rows(const eyas_model *model, eyas_scratch *scratch,
                                              const double *numbers, size_t n_rows, size_t n_columns,
                                              double *out, size_t n_out, char *message,
                                              size_t message_size);

/* ---- Shorthands ---- */

/* Whether this header fits the library. */
static inline eyas_status eyas_check(void)
{
    return eyas_check_abi(EYAS_ABI_VERSION, sizeof(struct eyas_value));
}

/* No value. */
static inline struct eyas_value eyas_missing(void)
{
    struct eyas_value value;
    value.kind = EYAS_MISSING;
    value.number = 0.0;
    value.text = NULL;
    value.length = 0;
    return value;
}

/* A number; NaN is missing. */
static inline struct eyas_value eyas_number(double number)
{
    struct eyas_value value = eyas_missing();
    value.kind = EYAS_NUMBER;
    value.number = number;
    return value;
}

/* Text that ends in NUL; it is not copied, so it must live until the prediction is made. */
static inline struct eyas_value eyas_text(const char *text)
{
    struct eyas_value value = eyas_missing();
    value.kind = EYAS_TEXT;
    value.text = text;
    value.length = text ? strlen(text) : 0;
    return value;
}

#ifdef __cplusplus
}
#endif

#endif
