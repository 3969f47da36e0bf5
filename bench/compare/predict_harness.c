/*
 * Calls predictors through their C interfaces and times single calls, so that no interpreter stands
 * between a call and its time. Loaded by predict_peers.py; libraries are opened at run time, and
 * what is needed of their interfaces is declared here.
 *
 * A peer is a pair of calls: `row` predicts the row that `fill` brought to where a caller would have
 * it (unmeasured, as is the conversion to the numbers that the peer takes), `batch` predicts the
 * first rows of the table. Every peer uses one thread.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct table {
    size_t n_rows, n_columns;
    const double *x64; /* (n_rows, n_columns) */
    const float *x32;  /* the same numbers */
};

struct peer {
    const struct table *table;
    size_t n_outputs;
    int is_float; /* whether it takes 32-bit numbers */
    double *row64, *out64;
    float *row32, *out32;
    int (*row)(struct peer *);
    int (*batch)(struct peer *, size_t n_rows);
    /* Outputs of the last call lie in out64, or in out32. */
    int gives_float;
    void *call, *call_batch, *handle, *scratch, *extra;
    void *values; /* eyas_value of the whole table, where numbers alone are not taken */
    char text[2][256];
};

static char problem[1024];

const char *harness_problem(void) { return problem; }

static void *fail(const char *what, const char *why)
{
    snprintf(problem, sizeof problem, "%s: %s", what, why ? why : "unknown");
    return NULL;
}

static struct peer *new_peer(const struct table *table, size_t n_outputs, int is_float)
{
    struct peer *peer = calloc(1, sizeof *peer);
    size_t n_out = table->n_rows * n_outputs;
    peer->table = table;
    peer->n_outputs = n_outputs;
    peer->is_float = is_float;
    /* Aligned as a caller with care would do it. */
    peer->row64 = aligned_alloc(64, (table->n_columns * 8 + 127) / 64 * 64);
    peer->row32 = aligned_alloc(64, (table->n_columns * 4 + 127) / 64 * 64);
    peer->out64 = calloc(n_out + 8, sizeof(double));
    peer->out32 = calloc(n_out + 8, sizeof(float));
    return peer;
}

static void fill(struct peer *peer, size_t row)
{
    size_t n = peer->table->n_columns;
    if (peer->values != NULL)
        peer->extra = (char *)peer->values + row * n * 32;
    if (peer->is_float)
        memcpy(peer->row32, peer->table->x32 + row * n, n * sizeof(float));
    else
        memcpy(peer->row64, peer->table->x64 + row * n, n * sizeof(double));
}

/* ---- Time ---- */

static inline int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median nanoseconds between two readings of the clock with nothing in between. */
double harness_clock_cost(void)
{
    enum { N = 16384 };
    static double samples[N];
    for (int at = 0; at < N; at++) {
        int64_t start = now();
        samples[at] = (double)(now() - start);
    }
    qsort(samples, N, sizeof *samples, ascending);
    return samples[N / 2];
}

/* Nanoseconds of each of n rows in the given order, those of the clock taken off. */
int harness_time_rows(struct peer *peer, const uint32_t *order, size_t n, double cost, double *ns)
{
    for (size_t at = 0; at < n; at++) {
        fill(peer, order[at]);
        __asm__ volatile("" ::: "memory");
        int64_t start = now();
        int failed = peer->row(peer);
        int64_t end = now();
        if (failed)
            return 1;
        double taken = (double)(end - start) - cost;
        ns[at] = taken > 0 ? taken : 0;
    }
    return 0;
}

/* Nanoseconds of one batch of n rows. */
int harness_time_batch(struct peer *peer, size_t n_rows, double *ns)
{
    int64_t start = now();
    int failed = peer->batch(peer, n_rows);
    *ns = (double)(now() - start);
    return failed;
}

/* Outputs of one row, or of the first rows as a batch. */
int harness_predict(struct peer *peer, int as_batch, size_t n, double *out)
{
    size_t n_out = as_batch ? n * peer->n_outputs : peer->n_outputs;
    if (!as_batch)
        fill(peer, n);
    if (as_batch ? peer->batch(peer, n) : peer->row(peer))
        return 1;
    for (size_t at = 0; at < n_out; at++)
        out[at] = peer->gives_float ? (double)peer->out32[at] : peer->out64[at];
    return 0;
}

/* ---- Eyas ---- */

typedef int32_t (*eyas_load_t)(const char *, void **, char *, size_t);
typedef int32_t (*eyas_call_t)(void *, void *, const void *, size_t, double *, size_t, char *, size_t);
typedef int32_t (*eyas_calls_t)(void *, void *, const void *, size_t, size_t, double *, size_t, char *,
                                size_t);
struct value {
    int32_t kind;
    double number;
    const char *text;
    size_t length;
};

static int eyas_row(struct peer *peer)
{
    const void *values = peer->values ? peer->extra : peer->row64;
    return ((eyas_call_t)peer->call)(peer->handle, peer->scratch, values, peer->table->n_columns,
                                     peer->out64, peer->n_outputs, problem, sizeof problem);
}

static int eyas_batch(struct peer *peer, size_t n_rows)
{
    const void *values = peer->values ? peer->values : peer->table->x64;
    return ((eyas_calls_t)peer->call_batch)(peer->handle, peer->scratch, values, n_rows,
                                            peer->table->n_columns, peer->out64,
                                            n_rows * peer->n_outputs, problem, sizeof problem);
}

static struct value *typed(const struct table *table)
{
    size_t n = table->n_rows * table->n_columns;
    struct value *values = calloc(n, sizeof *values);
    for (size_t at = 0; at < n; at++) {
        values[at].kind = 1;
        values[at].number = table->x64[at];
    }
    return values;
}

struct peer *open_eyas(const char *library, const char *model, const struct table *table,
                       size_t n_outputs)
{
    void *eyas = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (eyas == NULL)
        return fail("eyas", dlerror());
    struct peer *peer = new_peer(table, n_outputs, 0);
    int32_t (*fits)(uint32_t, size_t) = dlsym(eyas, "eyas_check_abi");
    if (fits == NULL || fits(1, sizeof(struct value)) != 0)
        return fail("eyas", "another interface version");
    eyas_load_t load = dlsym(eyas, "eyas_model_load");
    int32_t (*scratch)(void *, void **, char *, size_t) = dlsym(eyas, "eyas_scratch_new");
    int32_t (*numbers)(void *) = dlsym(eyas, "eyas_model_takes_numbers");
    size_t (*columns)(void *) = dlsym(eyas, "eyas_model_n_columns");
    if (load(model, &peer->handle, problem, sizeof problem) != 0)
        return NULL;
    if (columns(peer->handle) != table->n_columns)
        return fail("eyas", "the model has another number of columns than the table");
    if (scratch(peer->handle, &peer->scratch, problem, sizeof problem) != 0)
        return NULL;
    int plain = numbers(peer->handle);
    if (!plain)
        peer->values = typed(table);
    peer->call = dlsym(eyas, plain ? "eyas_predict_number_row" : "eyas_predict_row");
    peer->call_batch = dlsym(eyas, plain ? "eyas_predict_number_rows" : "eyas_predict_rows");
    peer->row = eyas_row;
    peer->batch = eyas_batch;
    return peer;
}

/* Nanoseconds of loading a model file, n times: until it can predict, and with a scratch object. */
int time_eyas_load(const char *library, const char *model, size_t n, double *ns, double *ready_ns)
{
    void *eyas = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (eyas == NULL)
        return fail("eyas", dlerror()) == NULL;
    eyas_load_t load = dlsym(eyas, "eyas_model_load");
    int32_t (*scratch)(void *, void **, char *, size_t) = dlsym(eyas, "eyas_scratch_new");
    void (*release)(void *) = dlsym(eyas, "eyas_model_free");
    void (*release_scratch)(void *) = dlsym(eyas, "eyas_scratch_free");
    for (size_t at = 0; at < n; at++) {
        void *handle = NULL, *memory = NULL;
        int64_t start = now();
        if (load(model, &handle, problem, sizeof problem) != 0)
            return 1;
        ns[at] = (double)(now() - start);
        if (scratch(handle, &memory, problem, sizeof problem) != 0)
            return 1;
        ready_ns[at] = (double)(now() - start);
        release_scratch(memory);
        release(handle);
    }
    return 0;
}

/* ---- LightGBM ---- */

enum { FLOAT32 = 0, FLOAT64 = 1, NORMAL = 0 };

typedef int (*lightgbm_fast_t)(void *, const void *, int64_t *, double *);
typedef int (*lightgbm_mat_t)(void *, const void *, int, int32_t, int32_t, int, int, int, int,
                              const char *, int64_t *, double *);

static int lightgbm_row(struct peer *peer)
{
    int64_t n_out;
    return ((lightgbm_fast_t)peer->call)(peer->extra, peer->row64, &n_out, peer->out64);
}

static int lightgbm_batch(struct peer *peer, size_t n_rows)
{
    int64_t n_out;
    return ((lightgbm_mat_t)peer->call_batch)(peer->handle, peer->table->x64, FLOAT64, (int32_t)n_rows,
                                              (int32_t)peer->table->n_columns, 1, NORMAL, 0, -1,
                                              "num_threads=1", &n_out, peer->out64);
}

struct peer *open_lightgbm(const char *library, const char *model, const struct table *table,
                           size_t n_outputs)
{
    void *lightgbm = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (lightgbm == NULL)
        return fail("LightGBM", dlerror());
    struct peer *peer = new_peer(table, n_outputs, 0);
    const char *(*why)(void) = dlsym(lightgbm, "LGBM_GetLastError");
    int (*create)(const char *, int *, void **) =
        dlsym(lightgbm, "LGBM_BoosterCreateFromModelfile");
    int (*fast)(void *, int, int, int, int, int32_t, const char *, void **) =
        dlsym(lightgbm, "LGBM_BoosterPredictForMatSingleRowFastInit");
    int n_iterations;
    if (create(model, &n_iterations, &peer->handle) != 0)
        return fail("LightGBM", why());
    if (fast(peer->handle, NORMAL, 0, -1, FLOAT64, (int32_t)table->n_columns, "num_threads=1",
             &peer->extra) != 0)
        return fail("LightGBM", why());
    peer->call = dlsym(lightgbm, "LGBM_BoosterPredictForMatSingleRowFast");
    peer->call_batch = dlsym(lightgbm, "LGBM_BoosterPredictForMat");
    peer->row = lightgbm_row;
    peer->batch = lightgbm_batch;
    return peer;
}

/* ---- XGBoost ---- */

typedef int (*xgboost_dense_t)(void *, const char *, const char *, void *, const uint64_t **,
                               uint64_t *, const float **);
static const char XGBOOST_CONFIG[] =
    "{\"type\":0,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
    "\"strict_shape\":false,\"cache_id\":0,\"missing\":NaN}";

static int xgboost_predict(struct peer *peer, const char *array, size_t n_rows)
{
    const uint64_t *shape;
    uint64_t n_dimensions;
    const float *out;
    if (((xgboost_dense_t)peer->call)(peer->handle, array, XGBOOST_CONFIG, peer->extra, &shape,
                                      &n_dimensions, &out) != 0)
        return 1;
    memcpy(peer->out32, out, n_rows * peer->n_outputs * sizeof(float));
    return 0;
}

static int xgboost_row(struct peer *peer) { return xgboost_predict(peer, peer->text[0], 1); }

static void xgboost_array(char *text, const float *x, size_t n_rows, size_t n_columns)
{
    snprintf(text, 256, "{\"data\":[%zu,true],\"shape\":[%zu,%zu],\"typestr\":\"<f4\",\"version\":3}",
             (size_t)x, n_rows, n_columns);
}

static int xgboost_batch(struct peer *peer, size_t n_rows)
{
    xgboost_array(peer->text[1], peer->table->x32, n_rows, peer->table->n_columns);
    return xgboost_predict(peer, peer->text[1], n_rows);
}

struct peer *open_xgboost(const char *library, const char *model, const struct table *table,
                          size_t n_outputs)
{
    void *xgboost = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (xgboost == NULL)
        return fail("XGBoost", dlerror());
    struct peer *peer = new_peer(table, n_outputs, 1);
    const char *(*why)(void) = dlsym(xgboost, "XGBGetLastError");
    int (*create)(void *const *, uint64_t, void **) = dlsym(xgboost, "XGBoosterCreate");
    int (*load)(void *, const char *) = dlsym(xgboost, "XGBoosterLoadModel");
    int (*set)(void *, const char *, const char *) = dlsym(xgboost, "XGBoosterSetParam");
    if (create(NULL, 0, &peer->handle) != 0 || load(peer->handle, model) != 0 ||
        set(peer->handle, "nthread", "1") != 0)
        return fail("XGBoost", why());
    /* A proxy of its own spares making one in each call. */
    int (*proxy)(void **) = dlsym(xgboost, "XGProxyDMatrixCreate");
    if (proxy(&peer->extra) != 0)
        return fail("XGBoost", why());
    peer->call = dlsym(xgboost, "XGBoosterPredictFromDense");
    peer->row = xgboost_row;
    peer->batch = xgboost_batch;
    peer->gives_float = 1;
    xgboost_array(peer->text[0], peer->row32, 1, table->n_columns);
    return peer;
}

/* ---- ONNX Runtime: functions by their place in the table OrtApi, which never changes ---- */

enum {
    ORT_MESSAGE = 2, ORT_ENV = 3, ORT_SESSION = 7, ORT_RUN = 9, ORT_OPTIONS = 10, ORT_OPTIMISE = 23,
    ORT_INTRA = 24, ORT_INTER = 25, ORT_TENSOR = 49, ORT_MEMORY = 69, ORT_VERSION = 17
};

struct ort {
    void *input[2], *output[2]; /* of one row, of a batch */
    size_t batch_rows;
    void *memory;
    void **api;
    char input_name[64], output_name[64];
};

typedef void *(*ort_run_t)(void *, void *, const char *const *, const void *const *, size_t,
                           const char *const *, size_t, void **);

static void *ort_tensor(struct ort *ort, float *data, size_t n_rows, size_t n_columns)
{
    void *(*create)(void *, void *, size_t, const int64_t *, size_t, int, void **) =
        ort->api[ORT_TENSOR];
    int64_t shape[2] = {(int64_t)n_rows, (int64_t)n_columns};
    void *tensor = NULL;
    create(ort->memory, data, n_rows * n_columns * sizeof(float), shape, 2, 1, &tensor);
    return tensor;
}

static int ort_run(struct peer *peer, int at)
{
    struct ort *ort = peer->extra;
    const char *input = ort->input_name, *output = ort->output_name;
    const void *inputs[1] = {ort->input[at]};
    void *outputs[1] = {ort->output[at]};
    void *status = ((ort_run_t)peer->call)(peer->handle, NULL, &input, inputs, 1, &output, 1, outputs);
    if (status == NULL)
        return 0;
    const char *(*why)(void *) = ort->api[ORT_MESSAGE];
    fail("ONNX Runtime", why(status));
    return 1;
}

static int ort_row(struct peer *peer) { return ort_run(peer, 0); }

static int ort_batch(struct peer *peer, size_t n_rows)
{
    struct ort *ort = peer->extra;
    if (ort->batch_rows != n_rows) {
        ort->batch_rows = n_rows;
        ort->input[1] = ort_tensor(ort, (float *)peer->table->x32, n_rows, peer->table->n_columns);
        ort->output[1] = ort_tensor(ort, peer->out32, n_rows, peer->n_outputs);
    }
    return ort_run(peer, 1);
}

struct peer *open_onnxruntime(const char *library, const char *model, const struct table *table,
                              size_t n_outputs, const char *input, const char *output)
{
    void *runtime = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (runtime == NULL)
        return fail("ONNX Runtime", dlerror());
    struct base {
        void **(*api)(uint32_t);
    } *(*base)(void) = dlsym(runtime, "OrtGetApiBase");
    struct peer *peer = new_peer(table, n_outputs, 1);
    struct ort *ort = calloc(1, sizeof *ort);
    ort->api = base()->api(ORT_VERSION);
    if (ort->api == NULL)
        return fail("ONNX Runtime", "the interface version is not supported");
    void *(*environment)(int, const char *, void **) = ort->api[ORT_ENV];
    void *(*options)(void **) = ort->api[ORT_OPTIONS];
    void *(*set)(void *, int);
    void *(*session)(void *, const char *, void *, void **) = ort->api[ORT_SESSION];
    void *(*memory)(int, int, void **) = ort->api[ORT_MEMORY];
    const char *(*why)(void *) = ort->api[ORT_MESSAGE];
    void *env = NULL, *chosen = NULL;
    environment(3, "harness", &env);
    options(&chosen);
    set = ort->api[ORT_INTRA], set(chosen, 1);
    set = ort->api[ORT_INTER], set(chosen, 1);
    set = ort->api[ORT_OPTIMISE], set(chosen, 99);
    void *status = session(env, model, chosen, &peer->handle);
    if (status != NULL)
        return fail("ONNX Runtime", why(status));
    memory(1, 0, &ort->memory);
    snprintf(ort->input_name, sizeof ort->input_name, "%s", input);
    snprintf(ort->output_name, sizeof ort->output_name, "%s", output);
    ort->input[0] = ort_tensor(ort, peer->row32, 1, table->n_columns);
    ort->output[0] = ort_tensor(ort, peer->out32, 1, n_outputs);
    peer->call = ort->api[ORT_RUN];
    peer->extra = ort;
    peer->row = ort_row;
    peer->batch = ort_batch;
    peer->gives_float = 1;
    return peer;
}

/* ---- lleaves: the compiled entry `(data, out, start, end)`; one built for rows, one for batches ---- */

typedef void (*lleaves_t)(const double *, double *, int, int);

static int lleaves_row(struct peer *peer)
{
    ((lleaves_t)peer->call)(peer->row64, peer->out64, 0, 1);
    return 0;
}

static int lleaves_batch(struct peer *peer, size_t n_rows)
{
    ((lleaves_t)peer->call_batch)(peer->table->x64, peer->out64, 0, (int)n_rows);
    return 0;
}

struct peer *open_lleaves(void *row, void *batch, const struct table *table, size_t n_outputs)
{
    struct peer *peer = new_peer(table, n_outputs, 0);
    peer->call = row;
    peer->call_batch = batch;
    peer->row = lleaves_row;
    peer->batch = lleaves_batch;
    return peer;
}

/* ---- Models compiled to a library with `void peer_row(const void *row, double *out)` ---- */

typedef void (*compiled_t)(const void *, double *);

static int compiled_row(struct peer *peer)
{
    ((compiled_t)peer->call)(peer->is_float ? (const void *)peer->row32 : peer->row64, peer->out64);
    return 0;
}

static int compiled_batch(struct peer *peer, size_t n_rows)
{
    size_t n = peer->table->n_columns;
    for (size_t row = 0; row < n_rows; row++) {
        const void *x = peer->is_float ? (const void *)(peer->table->x32 + row * n)
                                       : (const void *)(peer->table->x64 + row * n);
        ((compiled_t)peer->call)(x, peer->out64 + row * peer->n_outputs);
    }
    return 0;
}

struct peer *open_compiled(const char *library, const struct table *table, size_t n_outputs,
                           int is_float)
{
    void *compiled = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (compiled == NULL)
        return fail("compiled model", dlerror());
    struct peer *peer = new_peer(table, n_outputs, is_float);
    peer->call = dlsym(compiled, "peer_row");
    if (peer->call == NULL)
        return fail("compiled model", "it exports no peer_row");
    peer->row = compiled_row;
    peer->batch = compiled_batch;
    return peer;
}
