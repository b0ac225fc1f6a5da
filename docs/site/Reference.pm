# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

package Reference;

# What there is to know of each directive and endpoint, read where it is kept: the table of directives, the sentences of
# conf/betterauth.conf, the examples beside this file, the rows of modules/routes. For the site, mod_betterauth(5) and
# t/lint/reference.t.

use strict;
use warnings;
use utf8;

sub slurp { my ($file) = @_; open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n"; local $/; return scalar <$in> }

# In the order of conf/betterauth.conf:
#   { name, group, scope => SERVER|DIR|MAIN, help, default, or instead: in words, syntax, says => [paragraphs], with => [names that
#     share them], intro, example }
# A paragraph that begins with four blanks is an example, to be shown as it is.
sub directives {
    my ($src) = @_;
    my ($table, $code) = ({}, slurp("$src/modules/config/ba_directives.c"));
    while ($code =~ /\b(SERVER|DIR)_ROW\(\s*"(\w+)"\s*,\s*(\w+)\s*,\s*\w+\s*,\s*(NULL|"[^"]*")(.*?)\),\n/gs) {
        my ($scope, $name, $kind, $default, $rest) = ($1, $2, $3, $4, $5);
        my $help = join '', $rest =~ /"([^"]*(?:\\"[^"]*)*)"/g;
        $table->{$name} = { name => $name, scope => $kind eq 'ba_kind_concurrency' ? 'MAIN' : $scope, default => $default ne 'NULL',
            help => $help =~ s/\\"/"/gr };
    }
    my @found = sentences(slurp("$src/conf/betterauth.conf"), $table);
    my $examples = examples(slurp("$src/docs/site/examples.conf"));
    %$_ = (%$_, %{ $examples->{ $_->{name} } || {} }, instead($_)) for @found;
    return @found;
}

# Where there is no value to show, the sentences say what holds.
sub instead {
    my ($row) = @_;
    return () if defined $row->{default};
    my ($says) = join(' ', @{ $row->{says} }) =~ /\b(?:Default: |[Tt]he default is )(.*?)\.(?: |$)/s;
    return (instead => $says // 'none');
}

sub sentences {
    my ($conf, $table) = @_;
    my ($group, @comment, @run, @found, $open) = ('');
    for (split(/\n/, $conf), '') {
        if (/^# --(?:--)? (.*)/) { $group = $1; @comment = @run = () }
        elsif (/^\s*#?(BetterAuth\w+)\s+(.*)$/ && $table->{$1}) {
            my $row = $table->{$1};
            $open = 1;
            push @run, { %$row, group => $row->{scope} eq 'DIR' ? 'directory, location and .htaccess' : $group, default => $row->{default} ? $2 : undef };
            push @found, $run[-1];
            $_->{says} = paragraphs(@comment), $_->{with} = [map { $_->{name} } @run] for @run;
        }
        elsif (/^\s*# (\s*\S.*)$/) {
            @comment = @run = () if $open;
            $open = 0;
            push @comment, $1;
        }
        else { @comment = @run = (); $open = 0 }
    }
    return @found;
}

# Lines that are indented are an example, others belong together.
sub paragraphs {
    my @said;
    for (my @lines = @_) {
        if (s/^\s{2,}/    /) { push @said, '' if !@said || $said[-1] !~ /^    /; $said[-1] .= "$_\n" }
        elsif (!@said || $said[-1] =~ /^    /) { push @said, $_ }
        else { $said[-1] .= " $_" }
    }
    return \@said;
}

sub examples {
    my ($text) = @_;
    my %of;
    for my $block (split /\n{2,}/, $text) {
        my ($name, $syntax, $intro, $example) = $block =~ /\A# ((BetterAuth\w+)[^\n]*)\n((?:# [^\n]*\n)+)(.*)\z/s ? ($2, $1, $3, $4) : next;
        $intro =~ s/^# //mg;
        $intro =~ s/\s+/ /g;
        $of{$name} = { syntax => $syntax, intro => $intro =~ s/ $//r, example => "$example\n" };
    }
    return \%of;
}

# { method, path, access, form, body => [[required], [optional]] or undef, query => likewise }
sub endpoints {
    my ($src) = @_;
    my @found;
    for my $file (sort glob "$src/modules/routes/*.c") {
        my $code = slurp($file);
        my %fields;
        while ($code =~ /static const ba_field (\w+)\[\] = \{(.*?)^\};/gms) {
            my ($name, $rows, @of) = ($1, $2, [], []);
            push @{ $of[$2 =~ /BA_REQUIRED/ ? 0 : 1] }, $1 while $rows =~ /\{"(\w+)", \w+, ([\w |]+),/g;
            $fields{$name} = \@of;
        }
        my %schema = $code =~ /static const ba_schema (\w+) = \{(\w+),/g;
        while ($code =~ /^\s*\{\s*"([A-Z]+)"\s*,\s*"(\/[^"]*)"\s*,\s*(\w+)\s*,\s*(\d)\s*,\s*([^,]+?)\s*,\s*\w+\s*,\s*([^}]+?)\s*\}/mg) {
            my ($method, $path, $access, $form, $body, $query) = ($1, $2, $3, $4, $5, $6);
            push @found, { method => $method, path => $path, access => $access, form => $form,
                map { $_->[0] => $_->[1] =~ /&(\w+)/ ? $fields{ $schema{$1} // '' } // die "$file: $1 is not understood\n" : undef }
                    [body => $body], [query => $query] };
        }
    }
    return @found;
}

# The codes of errors that the API answers, with their status: { CODE => { 400 => 1 } }
sub errors {
    my ($src) = @_;
    my %code;
    my $table = slurp("$src/modules/base/ba_error.c");
    $code{$2}{$1} = 1 while $table =~ /= \{\s*(\d+),\s*"(\w+)"/g;
    return \%code;
}

1;
