# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::Daemon;

# A server that a test starts for itself on a port of its own: redis or memcached, on loopback, in a directory of its own.

use strict;
use warnings;
use File::Path qw(make_path);
use IO::Socket::INET ();
use POSIX ();
use Time::HiRes qw(sleep time);

# Debian's redis-tools has the server under another name; the package redis-server would start a service.
my %START = (
    redis     => sub { my ($dir, $port) = @_; ('/usr/bin/redis-check-rdb', 'redis-server', '--bind', '127.0.0.1', '--port', $port, '--dir', $dir, '--save', '', '--appendonly', 'no') },
    memcached => sub { my ($dir, $port) = @_; my $file = program('memcached'); ($file, 'memcached', '-l', '127.0.0.1', '-p', $port, '-U', 0) },
);

# Where a program is: as installed, or where ./setup has unpacked it.
sub program {
    my ($name) = @_;
    return (grep { -x } map { "$_/$name" } split(/:/, $ENV{BA_PROGRAMS} // ''), qw(/usr/bin /usr/sbin))[0];
}

# kind: of the table above; dir: to be made; port: a free one
sub new {
    my ($class, %o) = @_;
    make_path($o{dir});
    return bless({ owner => $$, %o }, $class)->start;
}

sub start {
    my ($self) = @_;
    my ($file, @command) = $START{ $self->{kind} }->($self->{dir}, $self->{port});
    die "there is no $self->{kind} here\n" unless $file && -x $file;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        exec { $file } @command or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    my $deadline = time + 10;
    until ($self->connect) {
        die "$self->{kind} does not answer on port $self->{port}\n" if time > $deadline || waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep 0.02;
    }
    return $self;
}

sub connect { return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $_[0]{port}) }

sub signal { kill $_[1] => $_[0]{pid} }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill KILL => $pid;
    waitpid $pid, 0;
}

sub DESTROY { my ($self) = @_; local ($?, $@); $self->stop if ($self->{owner} // 0) == $$ }

1;
