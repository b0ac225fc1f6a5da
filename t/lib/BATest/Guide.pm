# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Guide;

# Commands of a document under docs/, run as they stand there.

use strict;
use warnings;
use BATest::Ctl qw(slurp write_file);
use Exporter qw(import);
use File::Path qw(make_path);
use Test::More;

our @EXPORT = qw(guide shell_words write_file);

sub shell_words { return join ' ', map { "'" . s/'/'\\''/gr . "'" } @_ }

# Runs the ```sh blocks of a section, or of what stands before the first one, in a folder; answers what they said.
#   programs => { name => what stands for it, or a script: programs that know our servers in place of the system's }
#   instead  => { words of the document, such as a path => those that fit here }
#   status   => { a line => the exit status that is meant, if not 0 }
# What is removed is said with its mode.
sub guide {
    my ($doc, $title, $dir, %o) = @_;
    my ($section) = slurp("$ENV{BA_SRCDIR}/docs/$doc") =~ /^##? \Q$title\E\n(.*?)(?=^## |\z)/ms or return fail("$doc has no section $title");
    my $script = '';
    while ($section =~ /^( *)```sh\n(.*?)^\1```$/msg) { $script .= $2 =~ s/^$1//gmr }
    ok($script, "$title: has commands");
    for my $line (sort keys %{ $o{status} || {} }) {
        my $good = $o{status}{$line};
        ok($script =~ s/^\Q$line\E$/status=0; $line || status=\$?; [ "\$status" = $good ]/m, "$title: has $line");
    }
    $script =~ s/\Q$_\E/$o{instead}{$_}/g for keys %{ $o{instead} || {} };
    make_path("$dir/bin");
    my %programs = (rm => qq(#!/bin/sh\nstat -c 'removed %n of mode %a' "\$@" && exec /bin/rm "\$@"\n), %{ $o{programs} || {} });
    for my $name (keys %programs) {
        write_file("$dir/bin/$name", $programs{$name} =~ /^#!/ ? $programs{$name} : "#!/bin/sh\nexec $programs{$name} \"\$@\"\n");
        chmod 0755, "$dir/bin/$name";
    }
    write_file("$dir/script", "set -e\numask 022\n$script");
    my $said = qx(cd '$dir' && PATH='$dir/bin':\$PATH sh -x script 2>&1 </dev/null);
    is($?, 0, "$title: works as written") or diag $said;
    return $said;
}

1;
