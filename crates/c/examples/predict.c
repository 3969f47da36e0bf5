/*
 * Predicts the rows that come in on standard input.
 *
 *   cc -std=c99 -I crates/c/include crates/c/examples/predict.c -L target/release -leyas -o predict
 *   ./predict adult.eyas < rows.csv
 *
 * A line is a row: cells separated by commas, without quotes, in the order of the model's columns;
 * an empty cell is missing. What the model expects is told on standard error; a line of outputs a
 * row goes to standard output. A model of numbers alone is fed with numbers, any other with text,
 * row by row and then all rows once more as a batch: both must agree.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eyas.h"

enum { MESSAGE_SIZE = 512, LINE_SIZE = 65536 };

static const char *const KINDS[] = {"number", "boolean", "category", "datetime"};

static void tell(const eyas_model *model)
{
    size_t at;
    fprintf(stderr, "eyas %s, target %s\n", eyas_version(), eyas_model_target(model, NULL));
    for (at = 0; at < eyas_model_n_columns(model); at++)
        fprintf(stderr, "column %s: %s\n", eyas_model_column_name(model, at, NULL),
                KINDS[eyas_model_column_kind(model, at)]);
    for (at = 0; at < eyas_model_n_classes(model); at++)
        fprintf(stderr, "class %s\n", eyas_model_class_name(model, at, NULL));
}

/* Ends each of n cells of a line in NUL; 0 if there are more or fewer. */
static int split(char *line, const char **cells, size_t n)
{
    size_t at = 0;
    line[strcspn(line, "\r\n")] = '\0';
    while (at < n) {
        char *comma = strchr(line, ',');
        cells[at++] = line;
        if (comma == NULL)
            return at == n;
        *comma = '\0';
        line = comma + 1;
    }
    return n == 0 && *line == '\0';
}

/* All rows of a run: text of the cells, and values that point to it. */
struct rows {
    size_t n_rows, n_columns, room;
    char **lines;
    struct eyas_value *values;
    double *numbers;
};

static void *grown(void *memory, size_t bytes)
{
    void *more = realloc(memory, bytes ? bytes : 1);
    if (more == NULL) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return more;
}

/* Adds a line; 0 if it has not as many cells as the model has columns. */
static int add(struct rows *rows, const char *text)
{
    size_t n = rows->n_columns, at;
    const char **cells = grown(NULL, n * sizeof *cells);
    char *line = strcpy(grown(NULL, strlen(text) + 1), text);
    int whole = split(line, cells, n);
    if (rows->n_rows == rows->room) {
        rows->room = 2 * rows->room + 16;
        rows->lines = grown(rows->lines, rows->room * sizeof *rows->lines);
        rows->values = grown(rows->values, rows->room * n * sizeof *rows->values);
        rows->numbers = grown(rows->numbers, rows->room * n * sizeof *rows->numbers);
    }
    rows->lines[rows->n_rows] = line;
    for (at = 0; whole && at < n; at++) {
        rows->values[rows->n_rows * n + at] = eyas_text(cells[at]);
        rows->numbers[rows->n_rows * n + at] = *cells[at] ? strtod(cells[at], NULL) : strtod("nan", NULL);
    }
    rows->n_rows++;
    free(cells);
    return whole;
}

static void drop(struct rows *rows)
{
    while (rows->n_rows > 0)
        free(rows->lines[--rows->n_rows]);
    free(rows->lines);
    free(rows->values);
    free(rows->numbers);
}

/* Predicts row by row, then as a batch. */
static eyas_status predict(const eyas_model *model, eyas_scratch *scratch, const struct rows *rows,
                           double *one_by_one, double *at_once, char *message)
{
    size_t n = rows->n_columns, n_outputs = eyas_model_n_outputs(model), at;
    int numbers = eyas_model_takes_numbers(model);
    eyas_status status = EYAS_OK;
    for (at = 0; status == EYAS_OK && at < rows->n_rows; at++) {
        double *out = one_by_one + at * n_outputs;
        status = numbers ? eyas_predict_number_row(model, scratch, rows->numbers + at * n, n, out,
                                                   n_outputs, message, MESSAGE_SIZE)
                         : eyas_predict_row(model, scratch, rows->values + at * n, n, out, n_outputs,
                                            message, MESSAGE_SIZE);
    }
    if (status != EYAS_OK)
        return status;
    return numbers ? eyas_predict_number_rows(model, scratch, rows->numbers, rows->n_rows, n, at_once,
                                              rows->n_rows * n_outputs, message, MESSAGE_SIZE)
                   : eyas_predict_rows(model, scratch, rows->values, rows->n_rows, n, at_once,
                                       rows->n_rows * n_outputs, message, MESSAGE_SIZE);
}

static void print(const double *out, size_t n_rows, size_t n_outputs)
{
    size_t row, at;
    for (row = 0; row < n_rows; row++)
        for (at = 0; at < n_outputs; at++)
            printf("%.17g%c", out[row * n_outputs + at], at + 1 < n_outputs ? ',' : '\n');
}

static int run(const eyas_model *model, eyas_scratch *scratch, char *message)
{
    static char line[LINE_SIZE];
    struct rows rows = {0, 0, 0, NULL, NULL, NULL};
    size_t n_out;
    double *one_by_one, *at_once;
    int failed;
    rows.n_columns = eyas_model_n_columns(model);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (!add(&rows, line)) {
            fprintf(stderr, "line %lu has not %lu cells\n", (unsigned long)rows.n_rows,
                    (unsigned long)rows.n_columns);
            drop(&rows);
            return 1;
        }
    }
    n_out = rows.n_rows * eyas_model_n_outputs(model);
    one_by_one = grown(NULL, n_out * sizeof *one_by_one);
    at_once = grown(NULL, n_out * sizeof *at_once);
    failed = predict(model, scratch, &rows, one_by_one, at_once, message) != EYAS_OK;
    if (failed)
        fprintf(stderr, "%s\n", message);
    else if (memcmp(one_by_one, at_once, n_out * sizeof *at_once) != 0)
        failed = fputs("one by one and as a batch differ\n", stderr) >= 0;
    else
        print(one_by_one, rows.n_rows, eyas_model_n_outputs(model));
    free(one_by_one);
    free(at_once);
    drop(&rows);
    return failed;
}

int main(int argc, char **argv)
{
    char message[MESSAGE_SIZE] = "";
    eyas_model *model = NULL;
    eyas_scratch *scratch = NULL;
    int failed = 1;
    if (argc != 2) {
        fprintf(stderr, "usage: %s MODEL < ROWS\n", argv[0]);
        return 2;
    }
    if (eyas_check() != EYAS_OK)
        fputs("eyas.h and libeyas are of different versions\n", stderr);
    else if (eyas_model_load(argv[1], &model, message, sizeof message) != EYAS_OK)
        fprintf(stderr, "%s: %s\n", argv[1], message);
    else if (eyas_scratch_new(model, &scratch, message, sizeof message) != EYAS_OK)
        fprintf(stderr, "%s\n", message);
    else {
        tell(model);
        failed = run(model, scratch, message);
    }
    eyas_scratch_free(scratch);
    eyas_model_free(model);
    return failed;
}
