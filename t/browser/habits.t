#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
#
# habits.mjs on the site of walk.t, without limits.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

$ENV{BA_WALK} = 'habits.mjs';
exec $^X, dirname(abs_path(__FILE__)) . '/walk.t' or die "walk.t: $!\n";
