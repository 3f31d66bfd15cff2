/* External delegates for tests, in the interface of TensorFlow Lite's external_delegate.h.
 *
 * Options: log=FILE   a line is added for each thing that happens
 *          do=nothing (default) take no operator
 *          do=refuse  the library gives no delegate, with a reason
 *          do=fail    the delegate is given but does not take the model
 *          do=zeros   take the whole graph and put out zeros
 *
 * The structures are those of TensorFlow Lite's c/common.h, of the longer ones the first fields.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct {
  int type;
  void *data;
  IntArray *dims;
  struct { float scale; int32_t zero_point; } params;
  int allocation_type;
  size_t bytes;
  const void *allocation;
  const char *name;
  void *delegate;
  int buffer_handle;
  _Bool data_is_stale, is_variable;
  struct { int type; void *params; } quantization;
  void *sparsity;
  const IntArray *dims_signature;
} Tensor;
typedef struct { IntArray *inputs, *outputs; } Node;
typedef struct Context Context;
typedef struct {
  void *(*init)(Context *, const char *, size_t);
  void (*free)(Context *, void *);
  int (*prepare)(Context *, Node *);
  int (*invoke)(Context *, Node *);
  const char *(*profiling_string)(const Context *, const Node *);
  int32_t builtin_code; const char *custom_name; int version;
  void *external; void *async_kernel; uint64_t inplace;
} Registration;
struct Context {
  size_t tensors_size;
  int (*GetExecutionPlan)(Context *, IntArray **);
  Tensor *tensors;
  void *impl;
  int (*ResizeTensor)(Context *, void *, IntArray *);
  void (*ReportError)(Context *, const char *, ...);
  int (*AddTensors)(Context *, int, int *);
  int (*GetNodeAndRegistration)(Context *, int, Node **, Registration **);
  int (*ReplaceNodeSubsetsWithDelegateKernels)(Context *, Registration, const IntArray *, void *);
};
typedef struct Delegate {
  void *data;
  int (*Prepare)(Context *, struct Delegate *);
  void *copy_from, *copy_to, *free_handle;
  int64_t flags;
  void *builder;
  char log[1024], what[32];
} Delegate;

static void say(const Delegate *delegate, const char *text) {
  if (!delegate->log[0]) return;
  FILE *file = fopen(delegate->log, "a");
  if (file) { fprintf(file, "%s\n", text); fclose(file); }
}

static int zeros(Context *context, Node *node) {
  for (int i = 0; i < node->outputs->size; i++) {
    Tensor *tensor = &context->tensors[node->outputs->data[i]];
    memset(tensor->data, 0, tensor->bytes);
  }
  return 0;
}
static int ready(Context *context, Node *node) { (void)context; (void)node; return 0; }

static int prepare(Context *context, Delegate *delegate) {
  say(delegate, "prepared");
  if (!strcmp(delegate->what, "fail")) {
    context->ReportError(context, "this accelerator does not know the model");
    return 1;
  }
  if (strcmp(delegate->what, "zeros")) return 0;
  IntArray *plan;
  if (context->GetExecutionPlan(context, &plan)) return 1;
  Registration kernel = {0};
  kernel.prepare = ready;
  kernel.invoke = zeros;
  kernel.builtin_code = 51; /* kTfLiteBuiltinDelegate */
  kernel.custom_name = "zeros";
  kernel.version = 1;
  return context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, plan, delegate);
}

void *tflite_plugin_create_delegate(char **keys, char **values, size_t count,
                                    void (*report)(const char *)) {
  Delegate *delegate = calloc(1, sizeof *delegate);
  delegate->Prepare = prepare;
  for (size_t i = 0; i < count; i++) {
    if (!strcmp(keys[i], "log")) strncpy(delegate->log, values[i], sizeof delegate->log - 1);
    else if (!strcmp(keys[i], "do")) strncpy(delegate->what, values[i], sizeof delegate->what - 1);
  }
  say(delegate, "created");
  if (!strcmp(delegate->what, "refuse")) {
    if (report) report("no such accelerator is plugged in");
    free(delegate);
    return NULL;
  }
  return delegate;
}

void tflite_plugin_destroy_delegate(void *delegate) {
  if (!delegate) return;
  say(delegate, "destroyed");
  free(delegate);
}
