#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# Every line we log starts with a tag BAnnnn of its own; tests and operators look for tags, not for wording.

use strict;
use warnings;
use FindBin ();
use Test::More;

my $SRC = $ENV{BA_SRCDIR} || "$FindBin::Bin/../..";
my $CALL = qr/\b(?:ap_log_\w*error|ba_call_log|log_failure|(?:ops|lender|o)->log)\s*\(/;

# Calls that print what their caller has tagged already.
my %FORWARDS = ('modules/base/ba_audit.c' => 2, 'modules/base/ba_call.c' => 1, 'modules/http/ba_httpd.c' => 1, 'modules/http/ba_dbd.c' => 1,
    'modules/http/ba_check.c' => 1, 'modules/http/ba_task.c' => 1, 'modules/http/ba_own_db.c' => 1);

# The text up to the parenthesis that closes the one before pos().
sub arguments {
    my ($text) = @_;
    my ($depth, $out) = (1, '');
    while ($$text =~ /\G("(?:\\.|[^"\\])*"|.)/gcs) {
        $depth += $1 eq '(' ? 1 : $1 eq ')' ? -1 : 0;
        last unless $depth;
        $out .= $1;
    }
    return $out;
}

my (%where, %level, $calls);
my %LEVEL = (CRIT => 'crit', EMERG => 'emerg', ERR => 'error', ERROR => 'error', WARNING => 'warn', WARN => 'warn', NOTICE => 'notice', INFO => 'info', DEBUG => 'debug');
for my $file ("$SRC/mod_betterauth.c", sort glob "$SRC/modules/*/*.c") {
    open my $in, '<', $file or die "$file: $!\n";
    my $text = do { local $/; <$in> };
    my $short = substr $file, length "$SRC/";
    # comments go, but not what looks like one inside of a string
    $text =~ s{("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])+')|/\*.*?\*/}{ $1 // $& =~ tr/\n//cdr }gse;
    my $line_of = sub { 1 + (substr($text, 0, $_[0]) =~ tr/\n//) };

    my @untagged;
    while ($text =~ /$CALL/gc) {
        my $at = pos $text;
        my $args = arguments(\$text);
        next if $text =~ /\G\s*\n?\{/; # the definition
        $calls++;
        my ($first) = $args =~ /"((?:\\.|[^"\\])*)"/;
        push @untagged, $line_of->($at) unless ($first // '') =~ /^BA\d{4}: ?\S/;
    }
    is(scalar @untagged, $FORWARDS{$short} || 0, "$short: log calls have a tag (those in lines @untagged have none)");

    pos($text) = 0; # /gc leaves it at the end
    # A tag starts a text that says something, or is an argument with such a text behind it.
    while ($text =~ /"(BA\d{4})((?:\\.|[^"\\])*)"(?=(\s*,[^;]*?"[^"]{10})?)/g) {
        my ($tag, $rest, $behind) = ($1, $2, $3);
        my $place = "$short:" . $line_of->($-[0]);
        push @{ $where{$tag} }, $place;
        # the level in the same call, before it
        my ($call) = substr($text, 0, $-[0]) =~ /([^;{}]*)$/;
        my ($level) = $call =~ /.*\b(?:APLOG|BA_LOG)_(EMERG|CRIT|ERR(?:OR)?|WARN(?:ING)?|NOTICE|INFO|DEBUG)\b/s;
        $level{$tag} = $LEVEL{$level} if $level;
        ok($rest =~ /^: \S.{6}/ || $rest eq '' && $behind, "$tag has a text ($place)");
    }
    unlike($text, qr/BA\d{1,3}(?!\d)|BA\d{5}/, "$short: tags have four digits");
}

cmp_ok($calls, '>', 20, "$calls log calls seen");
cmp_ok(scalar keys %where, '>', 20, scalar(keys %where) . " tags seen");
is(scalar @{ $where{$_} }, 1, "$_ is used once (@{ $where{$_} })") for sort keys %where;

# Nobody may wait for a line that is not written any more.
my %gone;
for my $file (glob "$SRC/t/*.t $SRC/t/*/*.t $SRC/t/unit/*.c $SRC/docs/*.md $SRC/*.md") {
    next if $file =~ m{/lint/};
    open my $in, '<', $file or die "$file: $!\n";
    while (<$in>) { $gone{$1} = 1 while /\b(BA\d{4})\b/g }
}
is(join(' ', grep { !$where{$_} } sort keys %gone), '', 'tests and documents name tags that exist');

# Each is explained, once, with its level where the call says it.
my %row;
open my $page, '<', "$SRC/docs/messages.md" or die "docs/messages.md: $!\n";
while (<$page>) {
    my ($tag, $level, $meaning) = /^\| (BA\d{4}) \| (\w+) \| (.+?) \| .*\|$/ or next;
    ok(!$row{$tag}, "$tag is explained once");
    like($meaning, qr/\w{3}.*\.$/, "$tag: in a sentence");
    $row{$tag} = $level;
}
is_deeply([sort keys %row], [sort keys %where], 'docs/messages.md explains every tag, and no other');
is($row{$_}, $level{$_}, "$_ has this level") for sort grep { $row{$_} } keys %level;
cmp_ok(scalar keys %level, '>', 50, scalar(keys %level) . ' levels seen');

done_testing;
