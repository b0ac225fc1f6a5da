# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
#
# The three kinds of question configure.ac asks.

# BA_MISSING(WHAT, DEBIAN-PACKAGE)
# Stops, and names the package that brings what is missing.
AC_DEFUN([BA_MISSING],
  [AC_MSG_ERROR([$1 not found. On Debian: apt-get install $2])])

# BA_LIBRARY(VARIABLE, HEADER, LIBRARY, FUNCTION, DEBIAN-PACKAGE)
# Requires a library and sets VARIABLE_LIBS. No pkg-config: libunistring has no .pc file, and the
# libraries should be found, and missed, in the same way.
AC_DEFUN([BA_LIBRARY], [
  AC_CHECK_HEADER([$2], [], [BA_MISSING([$2], [$5])])
  AC_CHECK_LIB([$3], [$4], [], [BA_MISSING([lib$3 (with $4)], [$5])])
  $1_LIBS="-l$3"
  AC_SUBST([$1_LIBS])
])

# BA_TRY_FLAGS(VARIABLE, FLAGS)
# Appends to VARIABLE each of FLAGS that the compiler knows.
AC_DEFUN([BA_TRY_FLAGS], [
  for ba_flag in $2; do
    ba_save_CFLAGS=$CFLAGS
    # gcc accepts an unknown -Wno-… silently, clang warns: -Werror makes both say no.
    CFLAGS="$CFLAGS -Werror $ba_flag"
    AC_MSG_CHECKING([whether $CC knows $ba_flag])
    AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
      [AC_MSG_RESULT([yes]); $1="$$1 $ba_flag"],
      [AC_MSG_RESULT([no])])
    CFLAGS=$ba_save_CFLAGS
  done
])

# BA_DBD_DRIVER(NAME, DEBIAN-PACKAGE, IF-MISSING)
# Asks apr-util itself, in a small program, whether it can load a database driver.
AC_DEFUN([BA_DBD_DRIVER], [
  AC_MSG_CHECKING([for apr-util's $1 driver])
  AC_RUN_IFELSE([AC_LANG_PROGRAM([[
      #include <apr_general.h>
      #include <apr_dbd.h>
    ]], [[
      apr_pool_t *pool = NULL;
      const apr_dbd_driver_t *driver = NULL;
      if (apr_initialize() || apr_pool_create(&pool, NULL) || apr_dbd_init(pool))
          return 1;
      return apr_dbd_get_driver(pool, "$1", &driver) != APR_SUCCESS;
    ]])],
    [AC_MSG_RESULT([yes])],
    [AC_MSG_RESULT([no])
     $3],
    [AC_MSG_RESULT([not asked, since this is a cross build])])
])
