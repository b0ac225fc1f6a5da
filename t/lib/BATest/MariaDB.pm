# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::MariaDB;

# A private MariaDB server: own data directory, socket and loopback port, run as whoever runs the tests.

use strict;
use warnings;
use File::Path qw(make_path);
use POSIX ();
use Time::HiRes qw(sleep time);

use constant { USER => 'ba', PASSWORD => 'ba-test' };

our $DAEMON = (grep { -x } qw(/usr/sbin/mariadbd /usr/libexec/mariadbd /usr/local/sbin/mariadbd))[0] || 'mariadbd';

# dir: an absent directory of at most 80 characters (the socket lives in it); port: free; template: of make_data, or a slower start;
# options: further ones of mariadbd, or instead of ours.
sub new {
    my ($class, %args) = @_;
    return bless { dir => $args{dir}, port => $args{port}, template => $args{template}, options => $args{options} || [], pid => undef, owner => $$ }, $class;
}

# A data directory without a database, for many servers to begin with a copy of it.
sub make_data {
    my ($dir) = @_;
    make_path($dir);
    system("mariadb-install-db --no-defaults --datadir='$dir' --auth-root-authentication-method=normal "
        . "--skip-test-db --skip-name-resolve --innodb-log-file-size=16M >'$dir.log' 2>&1") == 0
        or die "mariadb-install-db failed, see $dir.log\n";
    return $dir;
}

# For a process that did not start the server but may talk to it.
sub attach {
    my ($class, %args) = @_;
    return bless {%args}, $class;
}

sub port   { $_[0]{port} }
sub pid    { $_[0]{pid} }
sub socket { "$_[0]{dir}/sock" }

sub install {
    my ($self, @options) = @_;
    make_path($self->{dir});
    if (!$self->{template}) { make_data("$self->{dir}/data") }
    elsif (system('cp', '-a', $self->{template}, "$self->{dir}/data") != 0) { die "no copy of $self->{template}\n" }
    $self->start(@options);
    $self->sql(sprintf q{CREATE USER '%s'@'127.0.0.1' IDENTIFIED BY '%s'; GRANT ALL ON *.* TO '%1$s'@'127.0.0.1'},
        USER, PASSWORD);
    return $self;
}

# options: those of this start alone.
sub start {
    my ($self, @options) = @_;
    my $dir = $self->{dir};
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        setpgrp;    # an interrupt at the terminal must not take the database away before the tests have stopped
        open STDIN,  '<',  '/dev/null';
        open STDOUT, '>>', "$dir/mariadb.log";
        open STDERR, '>&', \*STDOUT;
        exec $DAEMON, '--no-defaults', "--datadir=$dir/data", "--socket=$dir/sock", "--port=$self->{port}",
            "--pid-file=$dir/pid", "--tmpdir=$dir", qw(--bind-address=127.0.0.1 --skip-name-resolve
            --innodb-buffer-pool-size=48M --innodb-log-file-size=16M --innodb-flush-log-at-trx-commit=0
            --max-connections=300 --performance-schema=0),
            @{ $self->{options} }, @options
            or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    for (1 .. 300) {
        return $self if system("mariadb --no-defaults -uroot -S '$dir/sock' -e 'SELECT 1' >/dev/null 2>&1") == 0;
        die "mariadbd ended, see $dir/mariadb.log\n" if waitpid($pid, POSIX::WNOHANG()) == $pid;
        sleep 0.1;
    }
    die "mariadbd does not answer, see $dir/mariadb.log\n";
}

sub kill_now { $_[0]->_end('KILL') }
sub stop     { $_[0]->_end('TERM') }

sub _end {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} or return;
    kill $signal => $pid;
    my $deadline = time + 15;
    until (waitpid($pid, POSIX::WNOHANG()) == $pid) {
        if (time > $deadline) { kill KILL => $pid; waitpid $pid, 0; last }
        sleep 0.05;
    }
}

# A die or an exit anywhere in the process that started it takes the server along.
sub DESTROY { my ($self) = @_; local ($?, $@); $self->kill_now if $self->{pid} && ($self->{owner} // 0) == $$ }

# Runs statements as root; returns rows as array references of text, NULL as undef.
sub sql {
    my ($self, $statements, $database) = @_;
    my @command = (qw(mariadb --no-defaults --batch --skip-column-names --default-character-set=utf8mb4 -uroot -S),
        $self->socket, ($database // ()));
    my $rows = BATest::MariaDB::_pipe($statements, @command);
    return map { [map { $_ eq 'NULL' ? undef : $_ } split /\t/, $_, -1] } split /\n/, $rows;
}

sub _pipe {
    my ($input, @command) = @_;
    require IPC::Open3;
    my $pid = IPC::Open3::open3(my $in, my $out, '>&STDERR', @command);
    binmode $_, ':utf8' for $in, $out;
    print {$in} $input;
    close $in;
    local $/;
    my $answer = <$out> // '';
    waitpid $pid, 0;
    die "@command: failed\n" if $?;
    return $answer;
}

# Output of a command, or undef if it failed.
sub _slurp_command {
    my ($input, @command) = @_;
    require IPC::Open3;
    open my $nowhere, '>', '/dev/null' or die;
    my $pid = IPC::Open3::open3(my $in, my $out, '>&' . fileno $nowhere, @command);
    local $SIG{PIPE} = 'IGNORE';
    print {$in} $input;
    close $in;
    local $/;
    my $answer = <$out> // '';
    waitpid $pid, 0;
    return $? ? undef : $answer;
}

# Creates a database and loads SQL files into it, in order.
sub create {
    my ($self, $database, @files) = @_;
    $self->sql("CREATE DATABASE `$database` CHARACTER SET utf8mb4");
    $self->load($database, @files);
}

sub load {
    my ($self, $database, @files) = @_;
    for my $file (@files) {
        open my $in, '<:encoding(UTF-8)', $file or die "$file: $!\n";
        local $/;
        $self->sql(scalar <$in>, $database);
    }
}

sub dbd_params {
    my ($self, $database) = @_;
    return sprintf 'host=127.0.0.1 port=%d user=%s pass=%s dbname=%s reconnect=0 flags=CLIENT_FOUND_ROWS',
        $self->{port}, USER, PASSWORD, $database;
}

# The same by the server's socket, for users that may come that way.
sub dbd_params_socket {
    my ($self, $database) = @_;
    return sprintf 'host=localhost sock=%s user=%s pass=%s dbname=%s reconnect=0 flags=CLIENT_FOUND_ROWS', $self->socket, USER,
        PASSWORD, $database;
}

1;
