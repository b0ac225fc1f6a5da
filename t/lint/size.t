#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Files, functions and how many ways lead through them. What is beyond a limit stands below with its reason; a row that
# is no longer needed fails, too.

use strict;
use warnings;
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";
my ($FILE_LINES, $FUNCTION_LINES, $COMPLEXITY) = (400, 60, 15);
# Beyond this one looks again (pmccabe's first column: each if, loop, case, && and || counts), so it stays rare.
my ($LOOK_AGAIN, $PERCENT) = (10, 5);

my %LONG_FILE = (
    'modules/session/ba_cache_cookie.c' => 'writing and reading of one cookie, whose layout is to be seen at once',
    'modules/session/ba_session.c'      => 'the life of a session, from its cookie to its end, is one subject',
    'modules/store/ba_db.c'             => 'a third of it is the table of labels, a line for each statement',
    'modules/store/ba_store.c'          => 'the sessions\' questions and the table of all of them',
    'modules/http/ba_tunnels.c'         => 'one list with one lock: who may touch it is to be seen at once',
);

my %LONG_FUNCTION = (
    'mod_betterauth.c register_hooks' => 'a list of hooks, each with the reason for its place',
);

my $EACH = 'one condition after the other, each of which ends it';
my %COMPLEX = (
    'modules/config/ba_kinds_own.c read_column'   => "the words of a directive: $EACH",
    'modules/config/ba_mail_args.c read_smtp'     => "the words of a directive: $EACH",
    'modules/http/ba_api.c ba_api_handler'        => "what keeps a request from its row: $EACH",
    'modules/access/ba_refuse.c ba_refuse_stranger' => "which answer a stranger gets: $EACH",
    'modules/http/ba_sections.c holds_for'        => "which sections hold: $EACH",
    'modules/json/ba_schema.c ba_schema_email'    => "the form of an address: $EACH",
    'modules/origin/ba_origin.c app_scheme_matches' => "the form of a pattern: $EACH",
    'modules/origin/ba_url.c ba_url_parse'        => "the form of a URL: $EACH",
    'modules/origin/ba_url.c ba_url_safe_path'    => "the form of a path: $EACH",
    'modules/pages/ba_pages.c serve'              => "which page a request gets: $EACH",
    'modules/session/ba_cache_cookie.c read_flat' => "what makes a cookie no cache: $EACH",
    'modules/session/ba_cookie.c ba_cookie_get_chunked' => "what makes pieces no cookie: $EACH",
    'modules/token/ba_jwt.c ba_jwt_verify'        => "what makes a token no token: $EACH",
    'support/ctl_import.c export_one'             => 'a list of columns, most of which may be empty',
);

sub words { my ($limit, $what) = @_; return "no more than $limit $what" }

# ---- Files

my @files = ("$SRC/mod_betterauth.c", map { glob "$SRC/$_/*.[ch]" } 'modules/*', 'support');
my %lines;
for my $file (@files) {
    open my $in, '<', $file or die "$file: $!\n";
    $lines{ substr $file, length "$SRC/" } = () = <$in>;
}
sub is_all {
    my ($found, $known, $what) = @_;
    is(join("\n", sort @$found), join("\n", sort keys %$known), $what);
}
is_all([grep { $lines{$_} > $FILE_LINES } keys %lines], \%LONG_FILE, words($FILE_LINES, 'lines in a file, but for those with a reason'));

# ---- Functions

my @report = qx(pmccabe @{[ map { quotemeta } grep { /\.c$/ } @files ]} 2>/dev/null);
SKIP: {
    skip 'pmccabe is not installed', 3 if $? == -1 || $? >> 8 == 127;
    my (@long, @complex, @again);
    for (@report) {
        my ($ways, undef, undef, undef, $lines, $file, $name) = m{^(\d+)\t(\d+)\t(\d+)\t(\d+)\t(\d+)\t(\S+)\(\d+\): (\S+)} or next;
        my $id = substr($file, length "$SRC/") . " $name";
        push @long, $id if $lines > $FUNCTION_LINES;
        push @complex, $id if $ways > $COMPLEXITY;
        push @again, $id if $ways > $LOOK_AGAIN;
    }
    is_all(\@long, \%LONG_FUNCTION, words($FUNCTION_LINES, 'lines in a function, but for those with a reason'));
    is_all(\@complex, \%COMPLEX, words($COMPLEXITY, 'ways through a function, but for those with a reason'));
    cmp_ok(@again * 100, '<=', @report * $PERCENT, scalar(@again) . ' of ' . @report . " functions have more than $LOOK_AGAIN")
        or diag(join "\n", sort @again);
}
done_testing;
