/* The module mplog._native._core: what Python cannot do by itself, one concept per header. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "truncation.h"

PyDoc_STRVAR(watch_doc, "watch($module, mapping, /)\n--\n\n"
                        "Let this process survive that the file behind a mapped, writable object is cut short; what the\n"
                        "other functions want.\n\n"
                        "Raises OSError where the system refuses.");

static PyObject *core_watch(PyObject *module, PyObject *mapping)
{
    Py_buffer view;
    if (PyObject_GetBuffer(mapping, &view, PyBUF_WRITABLE) < 0)
        return NULL;
    struct range *range = watch((uintptr_t)view.buf, (size_t)view.len);
    PyBuffer_Release(&view);
    if (range == NULL)
        return PyErr_SetFromErrno(PyExc_OSError);
    return PyLong_FromVoidPtr(range);
}

static struct range *range_of(PyObject *number)
{
    struct range *range = PyLong_AsVoidPtr(number);
    if (range == NULL && !PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "0 was not returned by watch()");
    return range;
}

PyDoc_STRVAR(unwatch_doc, "unwatch($module, number, /)\n--\n\n"
                          "Undo the `watch` that has returned *number*, once: the memory is about to be unmapped.");

static PyObject *core_unwatch(PyObject *module, PyObject *number)
{
    struct range *range = range_of(number);
    if (range == NULL)
        return NULL;
    unwatch(range);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(is_cut_doc, "is_cut($module, number, /)\n--\n\n"
                         "Whether zeros stand in the place of what was watched as *number*, or of some of it.");

static PyObject *core_is_cut(PyObject *module, PyObject *number)
{
    struct range *range = range_of(number);
    return range == NULL ? NULL : PyBool_FromLong(is_cut(range));
}

PyDoc_STRVAR(cuts_doc, "cuts($module, /)\n--\n\nHow often this process has met a file that was cut short.");

static PyObject *core_cuts(PyObject *module, PyObject *nothing)
{
    return PyLong_FromUnsignedLong(atomic_load(&cuts));
}

static PyMethodDef methods[] = {
    {"watch", core_watch, METH_O, watch_doc},
        {"unwatch", core_unwatch, METH_O, unwatch_doc},
    {"is_cut", core_is_cut, METH_O, is_cut_doc},
    {"cuts", core_cuts, METH_NOARGS, cuts_doc},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030D0000
    /* No function here touches an object that others may change; what they share is atomic. */
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "mplog._native._core",
    .m_doc = "What mplog has in C.",
    .m_size = 0,
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__core(void)
{
    page_size = (uintptr_t)sysconf(_SC_PAGESIZE);
    return PyModuleDef_Init(&definition);
}
