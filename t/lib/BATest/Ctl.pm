# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Ctl;

# betterauthctl, run as an operator runs it.

use strict;
use warnings;
use Exporter qw(import);
use IPC::Open3 ();
use JSON::PP ();
use Test::More;
use BATest::Httpd;

our @EXPORT_OK = qw(says slurp write_file);

sub slurp { my ($file) = @_; open my $in, '<', $file or die "$file: $!\n"; local $/; return scalar <$in> }
sub write_file { my ($file, $text) = @_; open my $out, '>', $file or die "$file: $!\n"; print {$out} $text; close $out or die "$file: $!\n" }

sub binary { return "$ENV{BA_BUILDDIR}/support/betterauthctl" }

# Options that make it ask a private httpd for its configuration.
sub of_httpd {
    my ($httpd) = @_;
    return _of($httpd->{dir}, "$httpd->{dir}/conf/httpd.conf");
}

# The same for a configuration that nothing serves, which is written into that folder.
sub of_conf {
    my ($dir, $conf) = @_;
    return _of($dir, BATest::Httpd->write_configuration(dir => $dir, conf => $conf, module => BATest::state()->{flavours}{plain}{module}));
}

sub _of {
    my ($dir, $file) = @_;
    my $program = $ENV{BA_HTTPD} || '/usr/sbin/apache2';
    return ('--httpd', "$program -d $dir", '-f', $file);
}

# Answers { status, out, err, json }; stdin is text, nothing by default.
sub run {
    my ($stdin, @args) = @_;
    open my $err, '+>', undef or die "temporary file: $!";
    my $pid = IPC::Open3::open3(my $in, my $out, '>&' . fileno $err, binary(), @args);
    local $SIG{PIPE} = 'IGNORE';
    print {$in} $stdin // '';
    close $in;
    my %answer;
    { local $/; $answer{out} = <$out> // '' }
    waitpid $pid, 0;
    $answer{status} = $? >> 8;
    $answer{status} = "signal $?" if $? & 127;
    seek $err, 0, 0;
    { local $/; $answer{err} = <$err> // '' }
    $answer{json} = eval { JSON::PP->new->utf8->decode($answer{out}) };
    return \%answer;
}

# Runs it and looks at its exit status and what it says on stdout and stderr; answers what run() does.
sub says {
    my ($name, $stdin, $args, $status, $pattern) = @_;
    my $did = run($stdin, @$args);
    is($did->{status}, $status, "$name: exit status") or diag "$did->{out}$did->{err}";
    like("$did->{out}$did->{err}", $pattern, "$name: what is said") if $pattern;
    return $did;
}

# What bash offers after each of these lines: words as it takes a line apart, the last one to be completed. Answers a
# reference to a list for each.
sub completions {
    my $script = sprintf <<'EOS', BATest::state()->{srcdir};
cd /
source '%s/support/completions/betterauthctl'
compopt() { :; }
offer() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    local typed=${COMP_WORDS[COMP_CWORD]}
    case $typed in [=:]) typed= ;; esac
    _betterauthctl x "$typed" "${COMP_WORDS[COMP_CWORD-1]}"
    echo "${COMPREPLY[*]}"
}
EOS
    $script .= join ' ', 'offer', (map { "'$_'" } binary(), @$_), "\n" for @_;
    my $pid = IPC::Open3::open3(my $in, my $out, '>&STDERR', 'bash', '--norc', '-c', $script);
    close $in;
    my @said = map { [split] } <$out>;
    waitpid $pid, 0;
    die 'bash says ' . @said . ' lines for ' . @_ . "\n" if @said != @_;
    return @said;
}

1;
