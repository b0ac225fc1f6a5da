#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
#
# What the page documents must keep to, since the values in them come from visitors and are escaped for text and
# double-quoted attributes only; and that no language lacks a text or a value in it.

use strict;
use warnings;
use utf8;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use Test::More;

my $root = $ENV{BA_SRCDIR} || dirname(dirname(dirname(abs_path(__FILE__))));
my $pages = "$root/pages";

binmode $_, ':utf8' for Test::More->builder->output, Test::More->builder->failure_output;

sub slurp { open my $in, '<', $_[0] or die "$_[0]: $!\n"; local $/; return scalar <$in> }

# ---- languages

sub language {
    my ($file) = @_;
    my $text = slurp($file);
    ok(utf8::decode($text), basename($file) . ' is UTF-8');
    my (%text, @wrong);
    for (split /\n/, $text) {
        next if /^\s*(?:#|$)/;
        my ($key, $value) = /^(\S+) = (\S.*\S|\S)$/ or push(@wrong, $_), next;
        push @wrong, "$key twice" if exists $text{$key};
        $text{$key} = $value;
    }
    is_deeply(\@wrong, [], basename($file) . ': each line is a key and its text, once');
    return \%text;
}

sub placeholders { return join ' ', sort $_[0] =~ /\{([^}]*)\}/g }
# KEY-one, KEY-two and KEY-few are there where a language speaks so
sub without_counts { my ($texts) = @_; return [grep { !/^(?:seconds|minutes|hours|days)-(?:one|two|few)$/ } sort keys %$texts] }

my $english = language("$pages/languages/en.txt");
my %said = map { $_ => 1 } values %$english;
for my $file (sort glob "$pages/languages/*.txt") {
    my $name = basename($file);
    next if $name eq 'en.txt';
    my $texts = language($file);
    is_deeply(without_counts($texts), without_counts($english), "$name has the same texts");
    my @wrong = grep { $english->{$_} && placeholders($texts->{$_}) ne placeholders($english->{$_}) && !/^(?:seconds|minutes|hours|days)-/ } sort keys %$texts;
    is_deeply(\@wrong, [], "$name has the same values in them");
    like($texts->{direction}, qr/^(?:ltr|rtl)$/, "$name says its direction");
    my @same = grep { length $texts->{$_} > 20 && $texts->{$_} eq ($english->{$_} // '') } sort keys %$texts;
    is_deeply(\@same, [], "$name is translated");
    is_deeply([grep { $texts->{$_} =~ / [?:;!»]|« / } sort keys %$texts], [], "$name: no line can break before such a mark") if $name eq 'fr.txt';
}

# ---- what documents can use, as the code sets it

my $code = join '', map { slurp($_) } glob "$root/modules/pages/*.c";
my %value = map { $_ => 1 } $code =~ /ba_page_set\(v, "([a-zA-Z-]+)"/g, $code =~ /apr_table_setn\(row, "([a-z-]+)"/g, $code =~ /\{"(\w+)", BA_\w+_FIELD\}/g;
$value{"error-$_"} = 1 for $code =~ /\{"(\w+)", BA_\w+_FIELD\}/g;
my %row = map { ("offers$_" =~ s{/}{-}gr) => 1 } $code =~ /^\s*\{"(\/[a-z\/-]+)", "[a-z-]+\.html"/mg;
my %list = map { $_ => 1 } qw(languages errors sessions);
cmp_ok(scalar keys %value, '>', 40, 'values found in the code');
cmp_ok(scalar keys %row, '>', 15, 'pages found in the code');

my %used;    # keys of texts
sub known_text {
    my ($key) = @_;
    if ($key =~ /^(.*?)\{[a-z-]+\}(.*)$/) {
        my ($before, $after) = ($1, $2);
        return 1 if $before eq '' && $after eq '';    # an argument of the part
        my @fit = grep { /^\Q$before\E.+\Q$after\E$/ } keys %$english;
        $used{$_} = 1 for @fit;
        return scalar @fit;
    }
    $used{$key} = 1;
    return exists $english->{$key};
}

# What a part's own arguments are called.
my %argument = map { $_ => 1 } qw(title to field label hint type autocomplete inputmode enter plain first readonly optional);

# ---- the manual names all of it, and nothing else

my $manual = slurp("$root/docs/pages.md");
for my $name (sort keys %value, keys %argument, keys %list) { ok($name =~ /^error-[a-z]+[A-Z]?/ && $value{ substr $name, 6 } || $manual =~ /`\Q$name\E`/, "docs/pages.md explains $name") }
my ($names) = $manual =~ /^### Values of all pages\n(.*?)^## Errors of httpd/ms;
# names stand in the first cell of a row that has any
my @in_tables = grep { !/^(?:(?:offers|error)-[A-Z]|BetterAuth)/ } map { /`([a-zA-Z][\w-]*)`/g } map { (grep { /`/ } split /\|/)[0] // () } $names =~ /^(\| .*)/mg;
my %part = map { basename($_, '.html') => 1 } glob "$pages/*.html";
is_deeply([grep { !$value{$_} && !$argument{$_} && !$list{$_} && !$part{$_} } @in_tables], [], 'and nothing that is not there');
cmp_ok(scalar @in_tables, '>', 60, 'names found in its tables');

sub wrong_element {
    my ($element) = @_;
    my $rest = $element =~ s/^betterauth //r;
    my %given;
    $given{$1} = $2 while $rest =~ s/^([a-z-]+)="([^"]*)" //;
    return "not understood: $rest" if $rest ne '';
    if (defined $given{value}) { return $value{ $given{value} } || $row{ $given{value} } || $argument{ $given{value} } || $given{value} =~ /^(?:error-)?\{field\}$/ ? () : "value $given{value}" }
    if (defined $given{text}) { return known_text($given{text}) ? () : "text $given{text}" }
    return "no part $given{part}" unless -f "$pages/$given{part}.html";
    return "list $given{list}" if $given{list} && !$list{ $given{list} };
    for (qw(title label hint)) { return "$_ $given{$_}" if defined $given{$_} && !known_text($given{$_}) }
    return grep { !$argument{$_} && $_ ne 'part' && $_ ne 'list' } keys %given;
}

sub wrong_condition {
    my ($element) = @_;
    my ($expr) = $element =~ /^(?:el)?if expr="([^"]*)" $/ or return $element;
    my @names = $expr =~ /page\('([^']*)'\)/g;
    (my $frame = $expr) =~ s/page\('[^']*'\)/P/g;
    return $element unless $frame =~ /^(?:-[nz] P|P == '[\w-]+')(?: && -[nz] P)?$/;
    return grep { !$value{$_} && !$row{$_} && !$argument{$_} && !$list{$_} && $_ ne 'error-%{page:field}' } @names;
}

for my $file (sort glob "$pages/*.html") {
    my $name = basename($file);
    my $text = slurp($file);
    utf8::decode($text);
    subtest $name => sub {
        my ($depth, @wrong) = (0);
        for my $element ($text =~ /<!--#(.*?)-->/gs) {
            my ($word) = $element =~ /^(\w+)/;
            if    ($word eq 'if')      { $depth++; push @wrong, wrong_condition($element) }
            elsif ($word eq 'elif')    { push @wrong, wrong_condition($element) }
            elsif ($word eq 'endif')   { push @wrong, 'endif without if' if --$depth < 0 }
            elsif ($word eq 'else')    { push @wrong, 'else without if' if $depth < 1 }
            # mod_include reads quotes there as the start of an argument.
            elsif ($word eq 'comment') { push @wrong, 'quotes in a comment' if $element =~ /["'`=]/ }
            elsif ($word eq 'betterauth') { push @wrong, wrong_element($element) }
            else { push @wrong, $element }
        }
        push @wrong, 'if without endif' if $depth > 0;
        is_deeply(\@wrong, [], 'elements');

        (my $html = $text) =~ s/<!--#betterauth .*?-->/VALUE/gs;
        $html =~ s/<!--#.*?-->//gs;
        (my $bare = $html) =~ s/="[^"]*"/ /g;
        unlike($bare, qr/[='"]/, 'attributes stand in double quotes');
        unlike($html, qr/<script(?! src="VALUE\/)|<style|\sstyle=|\son\w+=|javascript:|https?:/i, 'nothing inline, nothing foreign');
        (my $words = $html) =~ s/<[^>]*>|VALUE|&\w+;//g;
        unlike($words, qr/\pL/, 'no words but those of the languages');
        my %label = map { $_ => 1 } $html =~ /<label for="([^"]+)"/g;
        my @fields = map { /type="hidden"| hidden / ? () : /\sid="([^"]+)"/ ? $1 : $_ } $html =~ /<input\b[^>]*>/g;
        is_deeply([grep { !$label{$_} } @fields], [], 'each field has a label');
        is_deeply([$html =~ /(<img(?![^>]*\salt=)[^>]*>)/g], [], 'each picture has words');
    };
}

# ---- texts that nobody needs, and mails

for my $file (sort glob "$root/mails/*") {
    my $text = slurp($file);
    my @keys = $text =~ /%\{text:([^}]+)\}/g;
    is_deeply([grep { !known_text($_) } @keys], [], basename($file) . ': its texts are there');
}
my $errors = slurp("$root/modules/base/ba_error.c");
my @codes = $errors =~ /^const ba_error \w+ = \{\s*\d+,\s*"([A-Z_]+)"/mg;
# What people cannot cause by a form: bodies, URL fields and methods of programs.
my %for_programs = map { $_ => 1 } qw(BAD_REQUEST UNSUPPORTED_MEDIA_TYPE PAYLOAD_TOO_LARGE METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED
    INVALID_CALLBACK_URL INVALID_REDIRECT_URL INVALID_ERROR_CALLBACK_URL INVALID_NEW_USER_CALLBACK_URL NOT_FOUND FAILED_TO_GET_USER_INFO
    EMAIL_CAN_NOT_BE_UPDATED FAILED_TO_UNLINK_LAST_ACCOUNT ACCOUNT_NOT_FOUND SESSION_NOT_FRESH SESSION_EXPIRED);
is_deeply([grep { !$english->{"error-$_"} && !$for_programs{$_} } @codes], [], 'each error that people can cause has a sentence');
my %codes = map { ("error-$_" => 1) } @codes, qw(SAME_EMAIL NO_FIELDS TOO_MANY_REQUESTS INVALID_URL OTHER);
$used{$_} = 1 for grep { index($code, "\"$_\"") >= 0 || $codes{$_} } keys %$english;
$used{"missing-$_"} = 1 for $code =~ /\{"(\w+)", BA_(?:NEEDED|PASSWORD|NEW_PASSWORD)_FIELD\}/g;
$used{"notice-$_"} = 1 for $code =~ /\?done=([a-z-]+)/g;
$used{"message-$_"} = $used{"message-$_-text"} = 1 for $code =~ /ba_page_message\([^;]*?"([\w-]+)"\)/g, 401, 403, 429, 'refused';
$used{$_} = 1 for map { ($_, "$_-one") } qw(seconds minutes hours days);
is_deeply([grep { !$used{$_} } sort keys %$english], [], 'each text is used somewhere');

done_testing;
