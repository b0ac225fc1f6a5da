# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Mutant;

# A mutant of the module, served by the plain httpd of this run of t/check in the place of the one that was built, and
# the live tests that should see it. BA_MODULE is a copy for mutants alone.

use strict;
use warnings;
use BATest ();
use BATest::Httpd;
use POSIX ();
use Time::HiRes qw(sleep time);

sub new {
    my ($class) = @_;
    my $state = BATest::state();
    my $httpd = $state->{flavours}{plain};
    my $self = bless { state => $state, dir => $httpd->{dir}, module => $state->{module}, httpd => BATest::Httpd->new(dir => $httpd->{dir}), took => {} }, $class;
    $self->{port} = $httpd->{sites}{sqlite}{port};
    $self->{databases} = $self->databases;
    $self->{files} = { map { $_ => 1 } $self->files };
    return $self;
}

sub databases { return { map { $_->[0] => 1 } BATest::mariadb()->sql('SHOW DATABASES') } }
sub expected { "$_[0]{state}{workdir}/expected-log" }
sub files { my ($self) = @_; return glob "$self->{state}{workdir}/* $self->{state}{workdir}/ports/*" }

# As t/check has left it: what the tests of another mutant made must not be there.
sub tidy {
    my ($self) = @_;
    my @files = grep { !$self->{files}{$_} && $_ ne $self->expected } $self->files;
    return if !@files;
    for my $pid_file (glob "$self->{state}{workdir}/*/logs/httpd.pid") {
        my $private = BATest::Httpd->new(dir => $pid_file =~ s{/logs/httpd\.pid$}{}r);
        $private->stop if $private->{dir} ne $self->{dir};
    }
    system('rm', '-rf', @files);
    my @more = grep { !$self->{databases}{$_} } sort keys %{ $self->databases };
    BATest::mariadb()->sql(join ' ', map { "DROP DATABASE `$_`;" } @more) if @more;
}

# False: it does not start.
sub serve {
    my ($self, $file) = @_;
    $self->{httpd}->stop;
    system('cp', $file, "$self->{module}.new") == 0 && rename("$self->{module}.new", $self->{module}) or die "$self->{module}: $!\n";
    truncate $self->{httpd}->error_log, 0;
    unlink $self->expected;
    system('timeout 60 ' . $self->{httpd}->command . ' >/dev/null 2>&1') == 0 or return 0;
    for (1 .. 1000) {
        return 1 if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        sleep 0.02;
    }
    return 0;
}

# What a test says first against it; undef: nothing. limit: seconds it may take; whole: to its end, and all that it says.
sub objection {
    my ($self, $test, $limit, $whole) = @_;
    $self->tidy;
    my $began = time;
    my $pid = open my $out, '-|' // die "fork: $!";
    if (!$pid) {
        setpgrp;
        open STDERR, '>', "$self->{dir}/mutant.log";
        exec $^X, "$self->{state}{srcdir}/$test" or POSIX::_exit(127);
    }
    my $said;
    my $signal = 'TERM';    # it stops its servers then
    local $SIG{ALRM} = sub { $said //= 'takes too long'; kill $signal => -$pid; $signal = 'KILL'; alarm 20 };
    alarm $limit;
    while (my $line = <$out>) {
        next if $said || $line !~ /^\s*not ok\b(?! .* # (?:TODO|skip))/i;
        $said = $line =~ s/^\s+|\s+$//gr;
        next if $whole;
        kill TERM => $pid;
        alarm 20;
    }
    alarm 0;
    close $out;
    $said //= "ends with $?" if $?;
    kill KILL => -$pid;
    $said .= "\n" . BATest::_slurp("$self->{dir}/mutant.log") if $said && $whole;
    $self->{took}{$test} //= time - $began;
    return $said;
}

# What the first test says that sees something; undef: none does. The error log is the last of them; a busy machine may
# have left a line in it, such as that SQLite is locked, but not twice.
sub killed_by {
    my ($self, @what) = @_;
    my $said = $self->first_objection(@what);
    return defined $said && $said =~ m{^t/zz-} ? $self->first_objection(@what) : $said;
}

sub first_objection {
    my ($self, $file, @tests) = @_;
    $self->serve($file) or return 'httpd does not start';
    for my $test (@tests, 't/zz-error-log.t') {
        my $said = $self->objection($test, 15 + 5 * ($self->{took}{$test} // 60), !defined $self->{took}{$test} || $self->{first});
        return "$test: $said" if defined $said;
    }
    return undef;
}

# Once for each test, that nothing is said against what is not mutated.
sub rehearse {
    my ($self, $file, @tests) = @_;
    @tests = grep { !defined $self->{took}{$_} } @tests or return undef;
    local $self->{first} = 1;
    return $self->killed_by($file, @tests);
}

1;
